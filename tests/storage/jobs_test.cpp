#include "storage/jobs.hpp"

#include <set>

#include "storage/accounts.hpp"
#include "storage/comments.hpp"
#include "storage/housekeeping.hpp"
#include "storage/likes.hpp"
#include "storage/posts.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id author = 1;
constexpr entity_id leaver = 2;
constexpr entity_id stayer = 3;
constexpr entity_id posts_count = 160;
constexpr std::uint32_t step_rows = 7;
const job settling{job_kind::settle_counts, leaver};

entity_id post_id(entity_id number) {
    return 1000 + 2 * number;
}
/// Ids of likes and comments by number: first the leaver's, then the stayer's.
entity_id like_id(entity_id who, entity_id number) {
    return 10'000 * who + number;
}
entity_id comment_id(entity_id who, entity_id number) {
    return 10'000 * who + 1000 + number;
}

/// An author with posts; a leaver who likes and comments on each of them, and has taken some of
/// that back; a stayer who does so on some. So more than 300 rows of the leaver's count.
struct jobs_fixture {
    jobs_fixture() {
        create(*store, make_user(author, "author"), make_user(leaver, "leaver"),
               make_user(stayer, "stayer"));
        for (entity_id number = 0; number < posts_count; ++number) {
            create_post(*store, make_post(post_id(number), author, number));
            act(leaver, number);
            if (number % 4 == 0) {
                act(stayer, number);
            }
            if (number % 8 == 1) {
                unlike(leaver, number);
            }
            if (number % 8 == 2) {
                write(*store, [&](const kv::reader& reader) {
                    return plan_delete_comment(reader, author, comment_id(leaver, number),
                                               at_second(500), {});
                });
            }
        }
    }

    void like_post(entity_id who, entity_id number) {
        write(*store, [&](const kv::reader& reader) {
            return plan_like(reader, make_like(like_id(who, number), post_id(number), who, number));
        });
    }
    void unlike(entity_id who, entity_id number) {
        write(*store, [&](const kv::reader& reader) {
            return plan_unlike(reader, who, post_id(number), at_second(500), {});
        });
    }
    void act(entity_id who, entity_id number) {
        like_post(who, number);
        write(*store, [&](const kv::reader& reader) {
            return plan_create_comment(
                reader, make_comment(comment_id(who, number), post_id(number), who, number));
        });
    }
    void delete_leaver() {
        write(*store, [&](const kv::reader& reader) {
            return plan_delete_account(reader, leaver, "!", at_second(1000), {});
        });
    }
    void restore_leaver() {
        const auto seen = find<user>(*store, leaver);
        session login;
        login.id = 90'000;
        login.user.id = leaver;
        write(*store, [&](const kv::reader& reader) {
            return plan_restore_account(reader, seen->row, login, at_second(1001),
                                        std::chrono::hours{1});
        });
    }
    /// One step of the job; false if there is none to do any more.
    bool step() {
        auto plan = read(*store, [](const kv::reader& reader) {
            const auto pending = find_job(reader, settling);
            return pending
                       ? std::optional{plan_settle_counts_step(reader, *pending, step_rows).commit}
                       : std::nullopt;
        });
        if (!plan) {
            return false;
        }
        must_commit(*store, std::move(*plan));
        return true;
    }
    std::size_t finish() {
        std::size_t steps = 0;
        while (step()) {
            ++steps;
        }
        return steps;
    }
    void reopen() {
        store.reset();
        store = open_store(directory.path());
    }

    /// What each post's counter ought to say, by looking at every row. `by_flags`: as the rows'
    /// `is_counted` says; else: rows that are alive and whose user is.
    std::vector<post_counts> count_rows(bool by_flags) const {
        std::vector<post_counts> counts(posts_count);
        read(*store, [&](const kv::reader& reader) {
            row_reader rows{reader};
            const auto counts_in = [&](const auto& found, entity_id user) {
                return found && (by_flags ? found->row.is_counted
                                          : !found->row.is_deleted && rows.alive_user(user));
            };
            for (entity_id number = 0; number < posts_count; ++number) {
                auto& [likes, comments] = counts[static_cast<std::size_t>(number)];
                for (const entity_id who : {leaver, stayer}) {
                    likes += counts_in(rows.find<like>(like_id(who, number)), who);
                    comments += counts_in(rows.find<comment>(comment_id(who, number)), who);
                }
            }
            return true;
        });
        return counts;
    }
    void check_counters(bool by_flags) const {
        const auto expected = count_rows(by_flags);
        for (entity_id number = 0; number < posts_count; ++number) {
            const auto [likes, comments] =
                unpack_post_counts(store->snapshot(kv::read_mode::blocking)
                                       ->counter(post_counts_key(post_id(number))));
            BOOST_TEST_INFO_SCOPE("post " << number);
            BOOST_REQUIRE_EQUAL(likes, expected[static_cast<std::size_t>(number)].likes);
            BOOST_REQUIRE_EQUAL(comments, expected[static_cast<std::size_t>(number)].comments);
        }
    }
    std::int64_t total_likes() const {
        std::int64_t total = 0;
        for (entity_id number = 0; number < posts_count; ++number) {
            total += unpack_post_counts(store->snapshot(kv::read_mode::blocking)
                                            ->counter(post_counts_key(post_id(number))))
                         .likes;
        }
        return total;
    }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(settle_counts, jobs_fixture)

BOOST_AUTO_TEST_CASE(counters_equal_the_rows_after_each_step) {
    check_counters(false);
    BOOST_TEST(total_likes() == 160 - 20 + 40);
    delete_leaver();
    check_counters(true);
    std::size_t steps = 0;
    while (step()) {
        if (++steps % 5 == 0) {
            check_counters(true);
        }
    }
    // 140 likes and 140 comments are left of the leaver, in steps of 7.
    BOOST_TEST(steps >= 2U * 140U / step_rows);
    check_counters(true);
    check_counters(false);
    BOOST_TEST(total_likes() == 40);
}

BOOST_AUTO_TEST_CASE(a_job_cut_short_goes_on_after_a_restart) {
    delete_leaver();
    for (int i = 0; i < 10; ++i) {
        BOOST_REQUIRE(step());
    }
    const auto cursor = read(
        *store, [](const kv::reader& reader) { return find_job(reader, settling).value().cursor; });
    BOOST_TEST(!cursor.empty());
    reopen();
    BOOST_TEST(read(*store, [](const kv::reader& reader) {
                   return find_job(reader, settling).value().cursor;
               }) == cursor);
    for (int i = 0; i < 15; ++i) {
        BOOST_REQUIRE(step());
    }
    reopen();
    finish();
    check_counters(false);
    check_counters(true);
    BOOST_TEST(total_likes() == 40);
}

BOOST_AUTO_TEST_CASE(a_restore_in_the_middle_starts_the_job_over) {
    delete_leaver();
    for (int i = 0; i < 12; ++i) {
        BOOST_REQUIRE(step());
    }
    BOOST_TEST(total_likes() < 180);
    restore_leaver();
    check_counters(true);
    // Meanwhile the restored account takes back a like that is not counted and gives a new one.
    unlike(leaver, 0);
    like_post(leaver, 1);
    check_counters(true);
    finish();
    check_counters(false);
    check_counters(true);
    BOOST_TEST(total_likes() == 180);
}

BOOST_AUTO_TEST_CASE(deleted_and_restored_again_and_again_ends_exact) {
    const auto seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    for (int round = 0; round < 6; ++round) {
        delete_leaver();
        for (std::size_t steps = random.pick(25); steps > 0 && step(); --steps) {
        }
        {
            const auto seen = find<user>(*store, leaver);
            kv::commit commit;
            user row = seen->row;
            row.is_deleted = false;
            append_update(commit, *seen, row);
            append_job(commit, settling);
            must_commit(*store, std::move(commit));
        }
        for (std::size_t steps = random.pick(25); steps > 0 && step(); --steps) {
        }
        check_counters(true);
    }
    finish();
    check_counters(false);
    BOOST_TEST(total_likes() == 180);
}

BOOST_AUTO_TEST_CASE(a_step_planned_before_a_restore_conflicts) {
    delete_leaver();
    auto stale = read(*store, [](const kv::reader& reader) {
        return plan_settle_counts_step(reader, find_job(reader, settling).value(), step_rows)
            .commit;
    });
    restore_leaver();
    check_outcome(*store, std::move(stale), kv::outcome::conflict);
    finish();
    check_counters(false);
}

BOOST_AUTO_TEST_CASE(the_background_settles_what_a_restart_left) {
    delete_leaver();
    for (int i = 0; i < 3; ++i) {
        BOOST_REQUIRE(step());
    }
    reopen();
    watched_store watched{*store};
    media::media_store media{directory.path() / "media"};
    media_placement placement{watched, media, [](kv::log_level, std::string_view) {}};
    id_generator ids{0, 0, [] { return to_microseconds(now()) / 1000; }};
    housekeeping background{watched, ids, placement, [](kv::log_level, std::string_view) {},
                            std::chrono::hours{720}};
    background.start();
    const auto is_settled = [&] {
        return read(*store, [](const kv::reader& reader) { return list_jobs(reader, 10).empty(); });
    };
    BOOST_TEST(watched.wait_until(is_settled));
    check_counters(false);

    restore_leaver();
    background.wake();
    BOOST_TEST(watched.wait_until(is_settled));
    background.stop();
    check_counters(false);
    BOOST_TEST(total_likes() == 180);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(job_records)

BOOST_AUTO_TEST_CASE(there_is_one_for_a_kind_and_subject) {
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    const auto put = [&](const job& job) {
        kv::commit commit;
        append_job(commit, job);
        must_commit(*store, std::move(commit));
    };
    put({job_kind::place_post_media, 7});
    put({job_kind::settle_counts, 9});
    put({job_kind::settle_counts, 8});
    const auto listed = [&](std::uint32_t limit) {
        return read(*store, [&](const kv::reader& reader) { return list_jobs(reader, limit); });
    };
    const auto all = listed(10);
    BOOST_REQUIRE_EQUAL(all.size(), 3U);
    BOOST_TEST(all[0].job.subject == 8);
    BOOST_TEST(all[1].job.subject == 9);
    BOOST_TEST((all[2].job.kind == job_kind::place_post_media));
    BOOST_TEST(listed(2).size() == 2U);
    const auto behind =
        read(*store, [&](const kv::reader& reader) { return list_jobs(reader, 10, &all[0].job); });
    BOOST_REQUIRE_EQUAL(behind.size(), 2U);
    BOOST_TEST(behind[0].job.subject == 9);

    kv::commit progress;
    append_job_progress(progress, all[0], "here");
    must_commit(*store, std::move(progress));
    BOOST_TEST(listed(1)[0].cursor == "here");

    // Started over meanwhile: whoever works on the former one neither ends nor moves it.
    const auto former = listed(1)[0];
    put(former.job);
    BOOST_TEST(listed(10).size() == 3U);
    BOOST_TEST(listed(1)[0].cursor.empty());
    kv::commit done;
    append_job_done(done, former);
    check_outcome(*store, std::move(done), kv::outcome::conflict);
    kv::commit moved;
    append_job_progress(moved, former, "there");
    check_outcome(*store, std::move(moved), kv::outcome::conflict);
    kv::commit ended;
    append_job_done(ended, listed(1)[0]);
    check_outcome(*store, std::move(ended), kv::outcome::ok);
    BOOST_TEST(listed(10).size() == 2U);
}

// A newer version leaves its jobs behind when it is rolled back.
BOOST_AUTO_TEST_CASE(one_of_an_unknown_kind_is_left_alone) {
    const pinhole::test::temporary_directory directory;
    const auto store = open_store(directory.path());
    const job unknown{static_cast<job_kind>(200), 7};
    const job known{job_kind::settle_counts, 8};
    kv::commit commit;
    append_job(commit, unknown);
    append_job(commit, known);
    must_commit(*store, std::move(commit));

    watched_store watched{*store};
    media::media_store media{directory.path() / "media"};
    media_placement placement{watched, media, [](kv::log_level, std::string_view) {}};
    id_generator ids{0, 0, [] { return to_microseconds(now()) / 1000; }};
    housekeeping background{watched, ids, placement, [](kv::log_level, std::string_view) {},
                            std::chrono::hours{720}};
    background.finish_media_jobs();
    background.start();
    BOOST_TEST(watched.wait_until([&] {
        return read(*store,
                    [&](const kv::reader& reader) { return !find_job(reader, known).has_value(); });
    }));
    background.stop();
    BOOST_TEST(read(
        *store, [&](const kv::reader& reader) { return find_job(reader, unknown).has_value(); }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
