#include "storage/database.hpp"

#include <sys/stat.h>

#include "storage/meta.hpp"
#include "storage/posts.hpp"
#include "tests/storage/storage_fixture.hpp"
#include "tests/support/write_ahead_log.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;

struct database_fixture {
    database_options options() const {
        database_options made;
        made.data_dir = directory.path() / "data";
        made.block_cache_bytes = std::size_t{16} << 20U;
        return made;
    }
    std::filesystem::path data_dir() const { return directory.path() / "data"; }

    /// Makes a post whose file is published, its marker still standing; answers its media path.
    std::string leave_post(database& open, entity_id id) const {
        const std::string path = leave_file(open);
        post row = make_post(id, kim, id);
        row.files[0].url = media::to_media_url(path);
        create_post(open.store(), row);
        return path;
    }
    static std::string leave_file(database& open) {
        auto incoming = open.media().begin();
        BOOST_REQUIRE(incoming.has_value());
        BOOST_REQUIRE(incoming->append(std::string_view{"bytes"}).has_value());
        const auto published = open.media().publish(*incoming, "jpg");
        BOOST_REQUIRE(published.has_value());
        return published->media_path;
    }
    std::size_t count_incoming() const {
        return static_cast<std::size_t>(std::distance(
            std::filesystem::directory_iterator{data_dir() / "media" / "incoming"}, {}));
    }
    void write_version(std::int64_t version) const {
        const auto store = open_store(data_dir());
        kv::commit commit;
        append_meta(commit, "schema_version", version);
        must_commit(*store, std::move(commit));
    }
    std::string refusal() const {
        try {
            const database open{options()};
            return "opened";
        } catch (const std::runtime_error& failure) {
            return failure.what();
        }
    }

    pinhole::test::temporary_directory directory;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(databases, database_fixture)

BOOST_AUTO_TEST_CASE(a_failed_media_disk_fails_the_database) {
    int failures = 0;
    database_options with_callback = options();
    with_callback.on_failure = [&] { ++failures; };
    database open{std::move(with_callback)};
    std::filesystem::remove_all(data_dir() / "media" / "incoming");
    for (int i = 0; i < 2; ++i) {
        BOOST_CHECK_THROW(open.media().begin().value(), std::system_error);
        BOOST_TEST((open.health() == kv::health::failed));
    }
    BOOST_TEST(failures == 1);
}

BOOST_AUTO_TEST_CASE(a_web_server_may_pass_to_the_media_and_read_nothing_else) {
    const auto mode_of = [&](const std::filesystem::path& path) {
        return static_cast<unsigned>(std::filesystem::status(path).permissions());
    };
    const mode_t mask = ::umask(077);
    {
        const database open{options()};
    }
    BOOST_TEST(mode_of(data_dir()) == 0711U);
    BOOST_TEST(mode_of(data_dir() / "media") == 0711U);
    BOOST_TEST(mode_of(data_dir() / "db") == 0700U);
    BOOST_TEST(mode_of(data_dir() / "secret.key") == 0600U);
    std::filesystem::permissions(data_dir(), std::filesystem::perms::owner_all);
    {
        const database open{options()};
    }
    ::umask(mask);
    BOOST_TEST(mode_of(data_dir()) == 0711U);
}

BOOST_AUTO_TEST_CASE(a_new_one_records_its_version_and_opens_again) {
    std::string hash;
    login_token token;
    {
        database open{options()};
        token = open.keys().make_login_token(1);
        hash = open.keys().hash_login_token(token);
        create(open.store(), make_user(kim, "kim"));
    }
    {
        const auto store = open_store(data_dir());
        BOOST_TEST((read(*store, [](const kv::reader& reader) {
                        return read_meta(reader, "schema_version");
                    }) == schema_version));
    }
    database open{options()};
    BOOST_TEST(open.keys().is_token_of(hash, token));
    BOOST_TEST(find<user>(open.store(), kim)->row.username == "kim");
}

BOOST_AUTO_TEST_CASE(one_of_a_newer_version_is_refused_untouched) {
    {
        const database open{options()};
    }
    write_version(schema_version + 1);
    const std::string message = refusal();
    BOOST_TEST_INFO_SCOPE(message);
    BOOST_TEST(message.find("newer version") != std::string::npos);
    BOOST_TEST(message.find("schema " + std::to_string(schema_version + 1)) != std::string::npos);
    BOOST_TEST(message.find("knows " + std::to_string(schema_version)) != std::string::npos);
    const auto store = open_store(data_dir());
    BOOST_TEST((read(*store, [](const kv::reader& reader) {
                    return read_meta(reader, "schema_version");
                }) == schema_version + 1));
}

BOOST_AUTO_TEST_CASE(one_of_a_version_that_never_was_is_refused) {
    {
        const database open{options()};
    }
    write_version(0);
    BOOST_TEST(refusal().find("schema version 0") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(one_that_is_open_is_refused) {
    const database open{options()};
    BOOST_TEST(refusal() != "opened");
}

BOOST_AUTO_TEST_CASE(one_with_a_damaged_log_opens_truncated_only_where_that_is_said) {
    constexpr entity_id users = 20;
    {
        database open{options()};
        for (entity_id id = 1; id <= users; ++id) {
            create(open.store(), make_user(id, "user" + std::to_string(id)));
        }
    }
    pinhole::test::flip_byte_in_the_middle(pinhole::test::newest_log(data_dir() / "db"));
    BOOST_TEST(refusal().find("--damaged-wal truncate") != std::string::npos, refusal());

    std::vector<std::string> warnings;
    auto truncating = options();
    truncating.truncate_damaged_log = true;
    truncating.log = [&](kv::log_level level, std::string_view line) {
        if (level == kv::log_level::warning) {
            warnings.emplace_back(line);
        }
    };
    {
        database open{truncating};
        BOOST_TEST(find<user>(open.store(), 1).has_value());
        BOOST_TEST(!find<user>(open.store(), users).has_value());
    }
    BOOST_TEST(std::ranges::any_of(warnings, [](const std::string& line) {
        return line.find("acknowledged writes behind it are lost") != std::string::npos;
    }));
    BOOST_TEST(refusal() == "opened");
}

BOOST_AUTO_TEST_CASE(uploads_left_in_flight_are_swept_at_start) {
    std::string with_row;
    std::string without_row;
    {
        database open{options()};
        create(open.store(), make_user(kim, "kim"));
        with_row = leave_post(open, 100);
        without_row = leave_file(open);
    }
    {
        // What a crash in the middle of an upload leaves: bytes under a bare token.
        const auto path = data_dir() / "media" / "incoming" / media::make_token();
        BOOST_REQUIRE(std::filesystem::copy_file(data_dir() / "secret.key", path));
    }
    BOOST_TEST(count_incoming() == 3U);
    std::vector<std::string> logged;
    auto with_log = options();
    with_log.log = [&](kv::log_level, std::string_view line) {
        if (line.find("swept") != std::string_view::npos) {
            logged.emplace_back(line);
        }
    };
    const std::vector<std::string> expected{
        "swept uploads that the last run left behind: 1 unfinished, 1 without a row, 1 completed"};
    {
        database open{with_log};
        BOOST_TEST(open.media().open_public(with_row).has_value());
        BOOST_TEST(!open.media().open_any(without_row).has_value());
        BOOST_TEST(count_incoming() == 0U);
    }
    BOOST_TEST(logged == expected, boost::test_tools::per_element());
    logged.clear();
    {
        const database again{with_log};
    }
    BOOST_TEST(logged.empty());
}

BOOST_AUTO_TEST_CASE(media_of_what_was_deleted_are_hidden_before_it_opens) {
    std::string deleted;
    std::string kept;
    std::string of_deleted_account;
    {
        database open{options()};
        create(open.store(), make_user(kim, "kim"), make_user(2, "lee"));
        deleted = leave_post(open, 100);
        kept = leave_post(open, 200);
        const std::string path = leave_file(open);
        post row = make_post(300, 2);
        row.files[0].url = media::to_media_url(path);
        create_post(open.store(), row);
        of_deleted_account = path;
    }
    {
        // The commits of two deletions, and then a crash before their media were moved.
        const auto store = open_store(data_dir());
        write(*store, [&](const kv::reader& reader) {
            return plan_delete_post(reader, kim, 100, at_second(1), {});
        });
        const auto lee = find<user>(*store, 2);
        user row = lee->row;
        row.is_deleted = true;
        kv::commit commit;
        append_update(commit, *lee, row);
        append_job(commit, {job_kind::place_account_media, 2});
        must_commit(*store, std::move(commit));
    }
    database open{options()};
    BOOST_TEST(!open.media().open_public(deleted).has_value());
    BOOST_TEST(!open.media().open_public(of_deleted_account).has_value());
    BOOST_TEST(open.media().open_public(kept).has_value());
    BOOST_TEST(open.media().open_any(deleted).has_value());
    drain(open.store());
    BOOST_TEST(
        read(open.store(), [](const kv::reader& reader) { return list_jobs(reader, 10).empty(); }));
}

BOOST_AUTO_TEST_CASE(ids_grow_over_a_restart_with_the_clock_stepped_back) {
    auto with_clock = options();
    auto clock = std::make_shared<std::atomic<std::int64_t>>(id_epoch_ms + 20'000'000);
    with_clock.clock_ms = [clock] { return clock->load(); };
    entity_id last = 0;
    for (int restart = 0; restart < 4; ++restart) {
        database open{with_clock};
        for (int i = 0; i < 3000; ++i) {
            const auto id = open.ids().next();
            BOOST_REQUIRE(id.has_value());
            BOOST_REQUIRE_GT(*id, last);
            last = *id;
        }
        *clock -= 3'600'000;
    }
}

BOOST_AUTO_TEST_CASE(a_broken_clock_is_reported_and_leaves_nothing_behind) {
    auto broken = options();
    broken.clock_ms = [] { return id_end_ms; };
    std::atomic<int> reports = 0;
    broken.log = [&](kv::log_level, std::string_view line) {
        reports += line.find("which cannot be") != std::string_view::npos;
    };
    {
        database open{broken};
        BOOST_TEST(!open.ids().next().has_value());
    }
    BOOST_TEST(reports == 1);
    database open{options()};
    BOOST_TEST((open.ids().next().value() >> (id_shard_bits + id_sequence_bits)) <
               to_microseconds(now()) / 1000 - id_epoch_ms + 60'000);
}

BOOST_AUTO_TEST_CASE(the_shard_stands_in_every_id) {
    auto of_shard = options();
    of_shard.shard = 77;
    database open{of_shard};
    BOOST_TEST(((open.ids().next().value() >> id_sequence_bits) & 0xFFF) == 77);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
