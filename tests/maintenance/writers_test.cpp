// Repair and purge beside threads that write, as beside a server.
#include <atomic>
#include <latch>
#include <thread>

#include "storage/comments.hpp"
#include "storage/likes.hpp"
#include "storage/maintenance/purge.hpp"
#include "storage/posts.hpp"
#include "storage/ranking.hpp"
#include "tests/maintenance/random_world.hpp"

namespace pinhole::storage::test {

namespace {

constexpr auto long_retention = std::chrono::hours{24 * 3650};

/// As `write`, on a thread that is not the test's, among others that write: tries again, and takes
/// a refusal for an answer.
template <class Plan>
bool try_write(kv::store& store, const Plan& plan) {
    for (;;) {
        auto planned = plan(*store.snapshot(kv::read_mode::blocking));
        if (!planned) {
            return false;
        }
        if (planned->commit.empty() ||
            store.submit_and_wait(std::move(planned->commit)) == kv::outcome::ok) {
            return true;
        }
    }
}

/// Writes about posts that are there, by users that are there.
class busy_writer {
public:
    busy_writer(kv::store& store, std::uint64_t seed, entity_id first_id,
                std::vector<entity_id> users, std::vector<entity_id> posts)
        : store_(store),
          random_(seed),
          next_id_(first_id),
          users_(std::move(users)),
          posts_(std::move(posts)) {}

    void write_some(int count) {
        for (int i = 0; i < count; ++i) {
            write_one();
        }
    }

private:
    void write_one() {
        const entity_id who = users_[random_.pick(users_.size())];
        const entity_id post = posts_[random_.pick(posts_.size())];
        const entity_id id = next_id_++;
        const timestamp at = at_second(1 + static_cast<std::int64_t>(random_.pick(seconds_max)));
        switch (random_.pick(6)) {
            case 0:
            case 1:
                try_write(store_, [&](const kv::reader& reader) {
                    return plan_like(reader, make_like(id, post, who));
                });
                break;
            case 2:
                try_write(store_, [&](const kv::reader& reader) {
                    return plan_unlike(reader, who, post, at, {});
                });
                break;
            case 3:
                comments_.push_back(id);
                try_write(store_, [&](const kv::reader& reader) {
                    return plan_create_comment(reader, make_comment(id, post, who));
                });
                break;
            case 4:
                if (!comments_.empty()) {
                    const entity_id comment = comments_[random_.pick(comments_.size())];
                    try_write(store_, [&](const kv::reader& reader) {
                        return plan_delete_comment(reader, who, comment, at, {});
                    });
                }
                break;
            default:
                try_write(store_, [&](const kv::reader& reader) {
                    return plan_edit_post(reader, who, post, "edited " + std::to_string(id), at,
                                          {});
                });
        }
    }

    kv::store& store_;
    generator random_;
    entity_id next_id_;
    std::vector<entity_id> users_;
    std::vector<entity_id> posts_;
    std::vector<entity_id> comments_;
};

struct busy_fixture {
    busy_fixture() {
        make_random_world(in, random);
        in.settle();
        for (const auto& [id, row] : read_plain_rows(in.store())) {
            (row.entity == "users" ? users : posts).push_back(id);
            if (row.entity != "users" && row.entity != "posts") {
                posts.pop_back();
            }
        }
    }

    /// Calls `work` again and again while three threads write, and once when they have done so.
    template <class Work>
    void beside_writers(const Work& work) {
        constexpr int writers = 3;
        std::atomic<int> running = writers;
        std::vector<std::jthread> threads;
        for (int number = 0; number < writers; ++number) {
            threads.emplace_back([&, number] {
                busy_writer writer{in.store(), seed + static_cast<std::uint64_t>(number),
                                   1'000'000 * (number + 1), users, posts};
                writer.write_some(400);
                --running;
            });
        }
        while (running > 0) {
            work();
        }
        threads.clear();
        work();
    }

    std::uint64_t seed = make_seed();
    generator random{seed};
    pinhole::test::temporary_directory directory;
    maintained in{directory.path() / "data"};
    std::vector<entity_id> users;
    std::vector<entity_id> posts;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(beside_writers, busy_fixture)

BOOST_AUTO_TEST_CASE(a_sound_database_is_found_sound_and_a_repair_does_nothing) {
    BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << seed) {
        beside_writers([&] {
            in.must_be_sound();
            BOOST_TEST(in.repair(true, false).actions == 0U);
            BOOST_REQUIRE(rank_unranked(in.store()));
        });
    }
}

BOOST_AUTO_TEST_CASE(a_repair_mends_while_all_goes_on) {
    BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << seed) {
        beside_writers([&] {
            // What a fault would do to a few entries and counters that nobody is about to change.
            kv::commit commit;
            const auto reader = in.store().snapshot(kv::read_mode::blocking);
            for (const entity_id id : posts) {
                if (random.one_in(3)) {
                    append_post_counts(commit, id, one_like);
                }
                const auto found = row_reader{*reader}.find<post>(id);
                if (random.one_in(3) && found) {
                    append_check(commit, *found);
                    commit.operations.emplace_back(kv::erase{
                        index_key(std::get<index_position<post>("newest")>(schema<post>::indexes),
                                  found->row)});
                }
            }
            in.store().submit_and_wait(std::move(commit));
            in.repair(true, false);
            BOOST_REQUIRE(rank_unranked(in.store()));
        });
        in.must_be_sound();
    }
}

BOOST_AUTO_TEST_CASE(a_purge_leaves_all_sound_at_every_instant) {
    BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << seed) {
        std::int64_t before = 0;
        beside_writers([&] {
            before += 100;
            purge(in.store(), &in.placement(), {.before = at_second(before)});
            in.must_be_sound();
            BOOST_REQUIRE(rank_unranked(in.store()));
        });
        const auto rows = read_plain_rows(in.store());
        purge(in.store(), &in.placement(), {.before = at_second(before)});
        check_purged(in, rows, at_second(before));
        in.must_be_sound();
    }
}

BOOST_AUTO_TEST_CASE(what_is_restored_meanwhile_is_there_whole_or_not_at_all) {
    constexpr entity_id author = 500'000;
    constexpr entity_id posts_count = 24;
    constexpr entity_id comments_count = 5;
    create(in.store(), make_user(author, "author"));
    for (entity_id number = 1; number <= posts_count; ++number) {
        const entity_id id = author + 100 * number;
        in.add_post(id, author, 2);
        for (entity_id at = 0; at < comments_count; ++at) {
            write(in.store(), [&](const kv::reader& reader) {
                return plan_create_comment(reader, make_comment(id + 10 + at, id, author));
            });
        }
        write(in.store(), [&](const kv::reader& reader) {
            return plan_delete_post(reader, author, id, at_second(1), {});
        });
    }
    in.settle();
    std::vector<entity_id> restored;
    std::latch both{2};
    {
        std::jthread restorer{[&] {
            both.arrive_and_wait();
            for (entity_id number = posts_count; number > 0; --number) {
                const entity_id id = author + 100 * number;
                if (try_write(in.store(), [&](const kv::reader& reader) {
                        return plan_restore_post(reader, author, id, at_second(2), long_retention);
                    })) {
                    restored.push_back(id);
                }
            }
        }};
        both.arrive_and_wait();
        purge(in.store(), &in.placement(), {.before = at_second(2)});
    }
    BOOST_TEST_MESSAGE(restored.size() << " of " << posts_count << " were restored");
    for (const entity_id id : restored) {
        BOOST_TEST(find<post>(in.store(), id).has_value());
        for (entity_id at = 0; at < comments_count; ++at) {
            BOOST_TEST(find<comment>(in.store(), id + 10 + at).has_value());
        }
    }
    const auto rows = read_plain_rows(in.store());
    for (const auto& [id, row] : rows) {
        BOOST_TEST(!must_go(rows, id, at_second(2)), row.entity);
    }
    in.must_be_sound();
    in.settle();
    in.must_be_sound();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
