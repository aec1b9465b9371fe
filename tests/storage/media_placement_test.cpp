#include "storage/media_placement.hpp"

#include "storage/accounts.hpp"
#include "storage/files.hpp"
#include "storage/posts.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;

struct placement_fixture {
    placement_fixture() { create(*store, make_user(kim, "kim")); }

    std::string publish(std::string_view bytes) {
        auto incoming = media.begin();
        BOOST_REQUIRE(incoming.has_value());
        BOOST_REQUIRE(incoming->append(bytes).has_value());
        const auto published = media.publish(*incoming, "jpg");
        BOOST_REQUIRE(published.has_value());
        media.settle(std::array{*published});
        return published->media_path;
    }
    /// A post with that many published files; answers their media paths.
    std::vector<std::string> post_files(entity_id id, int count) {
        post row = make_post(id, kim, id);
        row.files.clear();
        std::vector<std::string> paths;
        for (int position = 0; position < count; ++position) {
            paths.push_back(publish("bytes"));
            file attached;
            attached.id = id + 1 + position;
            attached.post.id = id;
            attached.position = position;
            attached.url = media::to_media_url(paths.back());
            attached.created_at = row.created_at;
            row.files.push_back(attached);
        }
        write(*store, [&](const kv::reader& reader) { return plan_create_post(reader, row); });
        return paths;
    }
    void delete_post(entity_id id) {
        write(*store, [&](const kv::reader& reader) {
            return plan_delete_post(reader, kim, id, at_second(1000), {});
        });
    }
    void restore_post(entity_id id) {
        write(*store, [&](const kv::reader& reader) {
            return plan_restore_post(reader, kim, id, at_second(1001), std::chrono::hours{1});
        });
    }
    /// Returns how many steps it took.
    std::size_t carry_out(const job& job) {
        for (std::size_t steps = 1;; ++steps) {
            const auto step = placement.take_step(job);
            BOOST_REQUIRE(step.has_value());
            BOOST_REQUIRE(*step != job_step::waits);
            if (*step == job_step::done) {
                return steps;
            }
        }
        drain(*store);
        BOOST_TEST(!has_job(job));
    }
    bool has_job(const job& job) const {
        return read(*store,
                    [&](const kv::reader& reader) { return find_job(reader, job).has_value(); });
    }
    bool is_public(const std::string& path) const {
        BOOST_TEST(media.open_any(path).has_value());  // never lost, wherever it lies
        return media.open_public(path).has_value();
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
    media::media_store media{directory.path() / "media"};
    media_placement placement{*store, media, [](kv::log_level, std::string_view) {}};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(placement, placement_fixture)

BOOST_AUTO_TEST_CASE(deleting_a_post_hides_and_restoring_shows) {
    const auto paths = post_files(100, 3);
    const auto others = post_files(200, 1);
    const job job{job_kind::place_post_media, 100};
    delete_post(100);
    BOOST_TEST(has_job(job));
    carry_out(job);
    for (const auto& path : paths) {
        BOOST_TEST(!is_public(path));
    }
    BOOST_TEST(is_public(others[0]));
    carry_out(job);  // again, as after a crash before the record was removed
    BOOST_TEST(!is_public(paths[0]));

    restore_post(100);
    BOOST_TEST(has_job(job));
    carry_out(job);
    carry_out(job);
    for (const auto& path : paths) {
        BOOST_TEST(is_public(path));
    }
}

BOOST_AUTO_TEST_CASE(the_newest_state_wins_over_a_late_job) {
    const auto paths = post_files(100, 1);
    delete_post(100);
    restore_post(100);
    carry_out({job_kind::place_post_media, 100});
    BOOST_TEST(is_public(paths[0]));
}

BOOST_AUTO_TEST_CASE(a_deleted_file_stays_hidden_when_its_post_is_restored) {
    const auto paths = post_files(100, 2);
    const job job{job_kind::place_post_media, 100};
    write(*store, [&](const kv::reader& reader) {
        return plan_delete_file(reader, kim, 101, at_second(500), {});
    });
    carry_out(job);
    BOOST_TEST(!is_public(paths[0]));
    BOOST_TEST(is_public(paths[1]));
    delete_post(100);
    carry_out(job);
    BOOST_TEST(!is_public(paths[1]));
    restore_post(100);
    carry_out(job);
    BOOST_TEST(!is_public(paths[0]));
    BOOST_TEST(is_public(paths[1]));
}

BOOST_AUTO_TEST_CASE(an_account_takes_its_media_along_and_brings_back_what_was_alive) {
    const auto kept = post_files(100, 2);
    const auto dropped = post_files(200, 1);
    const auto alone = post_files(300, 1);
    delete_post(200);
    carry_out({job_kind::place_post_media, 200});
    const job job{job_kind::place_account_media, kim};

    const auto seen = find<user>(*store, kim);
    write(*store, [&](const kv::reader& reader) {
        return plan_delete_account(reader, kim, "!", at_second(1000), {});
    });
    BOOST_TEST(has_job(job));
    carry_out(job);
    for (const auto& path : {kept[0], kept[1], dropped[0], alone[0]}) {
        BOOST_TEST(!is_public(path));
    }

    session login;
    login.id = 900;
    login.user.id = kim;
    write(*store, [&](const kv::reader& reader) {
        return plan_restore_account(reader, seen->row, login, at_second(1001),
                                    std::chrono::hours{1});
    });
    carry_out(job);
    carry_out(job);
    BOOST_TEST(is_public(kept[0]));
    BOOST_TEST(is_public(kept[1]));
    BOOST_TEST(!is_public(dropped[0]));
    BOOST_TEST(is_public(alone[0]));
}

BOOST_AUTO_TEST_CASE(a_url_that_is_not_ours_is_left_alone) {
    post row = make_post(100, kim);
    row.files[0].url = "https://elsewhere.example/a.jpg";
    create_post(*store, row);
    delete_post(100);
    carry_out({job_kind::place_post_media, 100});
}

BOOST_AUTO_TEST_CASE(a_post_without_rows_does_nothing) {
    carry_out({job_kind::place_post_media, 12345});
    carry_out({job_kind::place_account_media, 12345});
}

BOOST_AUTO_TEST_CASE(media_are_found_by_url_while_visible) {
    const auto paths = post_files(100, 1);
    const std::string url = media::to_media_url(paths[0]);
    const auto is_found = [&] {
        return read(*store,
                    [&](const kv::reader& reader) { return find_media(reader, url).has_value(); });
    };
    BOOST_TEST(is_found());
    delete_post(100);
    BOOST_TEST(!is_found());
    BOOST_TEST(read(*store, [&](const kv::reader& reader) { return has_media_row(reader, url); }));
    restore_post(100);
    BOOST_TEST(is_found());
    BOOST_TEST(
        !read(*store, [&](const kv::reader& reader) { return has_media_row(reader, url + "x"); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
