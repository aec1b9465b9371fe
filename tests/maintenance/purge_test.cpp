#include "storage/maintenance/purge.hpp"

#include <set>
#include <string>

#include "storage/accounts.hpp"
#include "storage/likes.hpp"
#include "storage/maintenance/retention.hpp"
#include "storage/posts.hpp"
#include "tests/maintenance/random_world.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;
constexpr entity_id lee = 2;
constexpr auto long_retention = std::chrono::hours{24 * 3650};

struct purge_fixture {
    purge_report purge(std::int64_t before, bool dry_run = false) {
        return storage::purge(in.store(), &in.placement(),
                              {.before = at_second(before), .dry_run = dry_run});
    }
    void delete_user(entity_id id, std::int64_t second) {
        write(in.store(), [&](const kv::reader& reader) {
            return plan_delete_account(reader, id, "!", at_second(second), {});
        });
    }
    void delete_post(entity_id id, std::int64_t second) {
        write(in.store(), [&](const kv::reader& reader) {
            return plan_delete_post(reader, kim, id, at_second(second), {});
        });
    }

    pinhole::test::temporary_directory directory;
    maintained in{directory.path() / "data"};
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(purging, purge_fixture)

BOOST_AUTO_TEST_CASE(what_goes_and_what_stays_is_what_every_row_by_itself_says) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << seed) {
        generator random{seed};
        for (int round = 0; round < 5; ++round) {
            maintained world{directory.path() / std::to_string(round)};
            make_random_world(world, random);
            // In steps: what a first purge leaves, a later one has to take.
            for (const std::int64_t second : {1, 400, 700, 1001}) {
                const plain_rows rows = read_plain_rows(world.store());
                const purge_options options{.before = at_second(second)};
                purge_options dry = options;
                dry.dry_run = true;
                const auto before = world.rows();
                const purge_report counted = storage::purge(world.store(), nullptr, dry);
                BOOST_TEST(world.rows() == before, boost::test_tools::per_element());
                const purge_report gone =
                    storage::purge(world.store(), &world.placement(), options);
                BOOST_TEST(to_text(gone) == to_text(counted));
                check_purged(world, rows, options.before);
                world.must_be_sound();
                BOOST_TEST(
                    (storage::purge(world.store(), &world.placement(), options) == purge_report{}));
            }
            world.settle();
            world.must_be_sound();
        }
    }
}

BOOST_AUTO_TEST_CASE(the_last_instant_of_the_retention_is_still_in_it) {
    create(in.store(), make_user(kim, "kim"));
    in.add_post(10, kim, 1);
    delete_post(10, 100);
    in.settle();
    const auto retention = std::chrono::seconds{50};
    const auto purge_at = [&](timestamp at) {
        return storage::purge(in.store(), &in.placement(), {.before = purged_before(at, retention)})
            .posts;
    };
    const auto can_be_restored_at = [&](timestamp at) {
        return plan_restore_post(*in.store().snapshot(kv::read_mode::blocking), kim, 10, at,
                                 retention)
            .has_value();
    };
    const timestamp last = at_second(150);
    const timestamp after = last + std::chrono::microseconds{1};
    BOOST_TEST(can_be_restored_at(last));
    BOOST_TEST(purge_at(last) == 0U);
    BOOST_TEST(!can_be_restored_at(after));
    BOOST_TEST(purge_at(after) == 1U);
}

BOOST_AUTO_TEST_CASE(a_purged_name_and_a_purged_like_are_free_again) {
    create(in.store(), make_user(kim, "kim"), make_user(lee, "lee"));
    in.add_post(10, kim, 1);
    const auto like_it = [&](entity_id id, entity_id who) {
        return write(in.store(),
                     [&](const kv::reader& reader) {
                         return plan_like(reader, make_like(id, 10, who));
                     })
            .view.row.id;
    };
    BOOST_TEST(like_it(20, kim) == 20);
    write(in.store(),
          [](const kv::reader& reader) { return plan_unlike(reader, kim, 10, at_second(5), {}); });
    BOOST_TEST(like_it(21, kim) == 20);  // revived
    write(in.store(),
          [](const kv::reader& reader) { return plan_unlike(reader, kim, 10, at_second(6), {}); });
    delete_user(lee, 6);
    in.settle();
    const purge_report gone = purge(100);
    BOOST_TEST(to_text(gone) == "1 users, 0 posts, 0 files (0 bytes), 0 comments, 1 likes");
    BOOST_TEST(like_it(22, kim) == 22);
    const auto taken = [&](std::string_view name) {
        const user row = make_user(3, name);
        return !plan_signup(*in.store().snapshot(kv::read_mode::blocking), row, {}).has_value();
    };
    BOOST_TEST(taken("kim"));
    BOOST_TEST(!taken("lee"));
    create(in.store(), make_user(3, "lee"));
    in.settle();
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(a_check_after_it_finds_all_in_the_first_walk) {
    create(in.store(), make_user(kim, "kim"));
    for (entity_id id = 10; id < 100; id += 10) {
        in.add_post(id, kim, 1);
        delete_post(id, 100);
    }
    in.settle();
    BOOST_TEST(purge(1'000).posts == 9U);
    // Not settled: the ranks of what is gone still wait to be removed.
    std::set<std::string, std::less<>> phases;
    const auto watch = [&](const work_progress& progress) { phases.emplace(progress.phase); };
    const check_report found = check_all(in.store(), in.media_root(), {.watch = {.report = watch}});
    BOOST_TEST(found.problems == 0U);
    BOOST_TEST(phases.contains("indexes"));
    BOOST_TEST(!phases.contains("stray entries"));
}

BOOST_AUTO_TEST_CASE(a_name_that_another_row_holds_stays_with_it) {
    create(in.store(), make_user(kim, "kim"));
    delete_user(kim, 1);
    // As a fault would have it: the name is another's by now.
    user other = make_user(lee, "kim");
    kv::commit commit;
    commit.operations.emplace_back(kv::erase{username_unique_key("kim")});
    append_create(commit, other);
    must_commit(in.store(), std::move(commit));
    BOOST_TEST(purge(100).users == 1U);
    in.settle();
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(what_is_condemned_cannot_be_restored_and_goes_in_the_next_run) {
    create(in.store(), make_user(kim, "kim"));
    in.add_post(10, kim, 1);
    delete_post(10, 100);
    in.settle();
    post row = find<post>(in.store(), 10)->row;
    row.deleted_at = condemned_at;
    kv::commit commit;
    append_update(commit, *find<post>(in.store(), 10), row);
    must_commit(in.store(), std::move(commit));
    const auto restored = plan_restore_post(*in.store().snapshot(kv::read_mode::blocking), kim, 10,
                                            at_second(101), long_retention);
    BOOST_TEST(!restored.has_value());
    in.must_be_sound();
    BOOST_TEST(purge(50).posts == 1U);  // though it was deleted later than that
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(what_hangs_together_with_something_unreadable_stays_with_it) {
    create(in.store(), make_user(kim, "kim"), make_user(lee, "lee"));
    in.add_post(10, kim, 1);
    in.add_post(20, kim, 1);
    write(in.store(),
          [](const kv::reader& reader) { return plan_like(reader, make_like(30, 10, lee)); });
    delete_user(kim, 1);
    in.settle();
    kv::commit commit;
    commit.operations.emplace_back(kv::put{row_key<like>(30), "\xff"});
    must_commit(in.store(), std::move(commit));
    const purge_report gone = purge(100);
    BOOST_TEST(gone.left == 1U);
    BOOST_TEST(gone.posts == 1U);
    BOOST_TEST(find<user>(in.store(), kim).has_value());
    BOOST_TEST(find<post>(in.store(), 10).has_value());
    BOOST_TEST(find<file>(in.store(), 11).has_value());
    const check_report report = in.check();
    BOOST_TEST(report.problems == report.count(finding_kind::undecodable));
}

BOOST_AUTO_TEST_CASE(large_accounts_go_in_many_commits) {
    create(in.store(), make_user(kim, "kim"), make_user(lee, "lee"));
    in.add_post(10, lee, 1);
    kv::commit commit;
    constexpr entity_id comments = 1500;
    for (entity_id id = 1000; id < 1000 + comments; ++id) {
        comment row = make_comment(id, 10, kim);
        row.content = "a comment with some words in it, number " + std::to_string(id);
        row.is_counted = true;
        append_create(commit, row);
        append_post_counts(commit, 10, one_comment);
    }
    must_commit(in.store(), std::move(commit));
    delete_user(kim, 1);
    std::size_t steps = 0;
    const purge_report gone =
        storage::purge(in.store(), &in.placement(),
                       {.before = at_second(100),
                        .watch = {.report = [&](const work_progress&) { ++steps; }, .stop = {}}});
    BOOST_TEST(gone.comments == static_cast<std::size_t>(comments));
    BOOST_TEST(steps > 20U);
    in.settle();
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(one_that_is_told_to_stop_goes_on_later) {
    generator random{7};
    make_random_world(in, random);
    const plain_rows rows = read_plain_rows(in.store());
    std::size_t interruptions = 0;
    for (std::size_t steps_max = 3;; steps_max += 5) {
        std::stop_source stop;
        std::size_t steps = 0;
        const work_watch watch{.report =
                                   [&](const work_progress&) {
                                       if (++steps == steps_max) {
                                           stop.request_stop();
                                       }
                                   },
                               .stop = stop.get_token()};
        try {
            storage::purge(in.store(), &in.placement(), {.before = at_second(600), .watch = watch});
            break;
        } catch (const work_interrupted&) {
            ++interruptions;
            in.must_be_sound();
        }
    }
    BOOST_TEST(interruptions > 0U);
    check_purged(in, rows, at_second(600));
    in.must_be_sound();
}

BOOST_AUTO_TEST_CASE(bytes_that_are_held_go_with_the_jobs) {
    create(in.store(), make_user(kim, "kim"));
    const post row = in.add_post(10, kim, 2);
    delete_post(10, 1);
    in.settle();
    const std::string path = row.files[0].url.substr(7);
    {
        const auto hold = in.placement().purging().hold();
        BOOST_TEST(purge(100).files == 2U);
        BOOST_TEST(in.media().open_any(path).has_value());
        in.must_be_sound();
    }
    BOOST_TEST(purge(100).files == 0U);  // but it finishes what is left
    BOOST_TEST(!in.media().open_any(path).has_value());
    in.must_be_sound();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
