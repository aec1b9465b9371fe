#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <latch>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/kv/store_conformance.hpp"
#include "tests/kv/test_store.hpp"

// Boost.Test's checks are not for several threads: workers count, the test's own thread checks.
namespace pinhole::kv::test {
namespace {

/// Runs `work(number)` on so many threads, all let go at once, and waits for them.
void run_together(int threads, const std::function<void(int)>& work) {
    std::latch start(threads);
    std::vector<std::jthread> workers;
    workers.reserve(static_cast<std::size_t>(threads));
    for (int number = 0; number < threads; ++number) {
        workers.emplace_back([&, number] {
            start.arrive_and_wait();
            work(number);
        });
    }
}

/// Collects the outcomes of commits that are submitted without waiting for one another.
class outcomes {
public:
    explicit outcomes(std::size_t count) : pending_(static_cast<std::ptrdiff_t>(count)) {
        results_.resize(count);
        calls_.resize(count);
    }

    store::completion at(std::size_t position) {
        return [this, position](outcome result) {
            {
                const std::lock_guard lock(mutex_);
                results_[position] = result;
                ++calls_[position];
            }
            pending_.count_down();
        };
    }

    const std::vector<outcome>& wait() {
        pending_.wait();
        return results_;
    }

    /// Whether each completion was called exactly once. After the store is closed.
    bool each_called_once() const {
        return std::ranges::all_of(calls_, [](int calls) { return calls == 1; });
    }

private:
    std::latch pending_;
    std::mutex mutex_;
    std::vector<outcome> results_;
    std::vector<int> calls_;
};

void one_of_64_inserts_wins(backend& backend) {
    const auto store = backend.open();
    for (int round = 0; round < 10; ++round) {
        const auto name = row_key("name" + std::to_string(round));
        std::atomic<int> ok = 0;
        std::atomic<int> exists = 0;
        run_together(64, [&](int number) {
            const auto result = apply(*store, {insert{name, std::to_string(number)},
                                               insert{row_key(std::to_string(number), round), ""},
                                               add{count_key("wins"), 1}});
            ok += result == outcome::ok;
            exists += result == outcome::exists;
        });
        BOOST_TEST(ok == 1);
        BOOST_TEST(exists == 63);
        // Only the winner's other rows are there.
        const auto left = scan(*store, {round, rows, "0", ":", 100, false});
        BOOST_REQUIRE_EQUAL(left.size(), 1U);
        BOOST_TEST(left.front().key == value(*store, name).value());
        BOOST_TEST(counter(*store, count_key("wins")) == round + 1);
    }
}

void no_update_is_lost(backend& backend) {
    const auto store = backend.open();
    const auto k = row_key("k");
    BOOST_REQUIRE(apply(*store, {insert{k, "0"}}) == outcome::ok);
    constexpr int threads = 8;
    constexpr int rounds = 25;
    run_together(threads, [&](int) {
        for (int done = 0; done < rounds;) {
            const auto read = get(*store, k).value();
            const auto next = std::to_string(std::stoi(read.value) + 1);
            done += apply(*store, {check{k, read.stamp}, put{k, next}}) == outcome::ok;
        }
    });
    BOOST_TEST(value(*store, k).value() == std::to_string(threads * rounds));
}

void checks_prevent_write_skew(backend& backend) {
    const auto store = backend.open();
    // Two doctors, each may leave only while the other is on call.
    for (int round = 0; round < 40; ++round) {
        const std::vector<key> doctors{row_key("a", round), row_key("b", round)};
        BOOST_REQUIRE(apply(*store, {insert{doctors[0], "on"}, insert{doctors[1], "on"}}) ==
                      outcome::ok);
        std::atomic<int> left = 0;
        run_together(2, [&](int me) {
            const auto reader = store->snapshot(read_mode::blocking);
            const auto mine = reader->get(doctors[static_cast<std::size_t>(me)]).value();
            const auto other = reader->get(doctors[static_cast<std::size_t>(1 - me)]).value();
            if (other.value == "on") {
                left += apply(*store,
                              {check{doctors[static_cast<std::size_t>(1 - me)], other.stamp},
                               check{doctors[static_cast<std::size_t>(me)], mine.stamp},
                               put{doctors[static_cast<std::size_t>(me)], "off"}}) == outcome::ok;
            }
        });
        const auto on = (value(*store, doctors[0]) == "on") + (value(*store, doctors[1]) == "on");
        BOOST_TEST(left == 1);
        BOOST_TEST(on == 1);
    }
}

void commits_in_flight_see_one_another(backend& backend) {
    const auto store = backend.open();
    const auto k = row_key("k");
    for (int round = 0; round < 50; ++round) {
        // Submitted at once, so that most decide in one group; the order is that of submission.
        const std::vector<std::pair<std::vector<operation>, outcome>> steps{
            {{check{k, 0}, insert{k, "1"}}, outcome::ok},
            {{insert{k, "2"}}, outcome::exists},
            {{check{k, 0}}, outcome::conflict},
            {{put{k, "3"}, insert{k, "4"}}, outcome::exists},
            {{erase{k}, check{k, 77}}, outcome::conflict},
            {{check{k, 0}, put{k, "5"}}, outcome::conflict},
            {{erase{k}}, outcome::ok},
            {{check{k, 0}}, outcome::ok},
            {{insert{k, "6"}}, outcome::ok},
            {{erase{k}, insert{k, "7"}, erase{k}}, outcome::ok},
        };
        outcomes results(steps.size());
        for (std::size_t at = 0; at < steps.size(); ++at) {
            store->submit({steps[at].first}, results.at(at));
        }
        const auto& got = results.wait();
        for (std::size_t at = 0; at < steps.size(); ++at) {
            BOOST_TEST_INFO_SCOPE("round " << round << " step " << at);
            BOOST_TEST((got[at] == steps[at].second));
        }
        BOOST_TEST(!value(*store, k).has_value());
    }
}

void counters_are_right_under_load(backend& backend) {
    std::atomic<std::int64_t> expected = 0;
    {
        const auto store = backend.open();
        run_together(16, [&](int number) {
            for (int round = 0; round < 100; ++round) {
                const std::int64_t delta = (round * 7 + number) % 11 - 5;
                // Every third commit fails, and must not count.
                const stamp wanted = round % 3 == 0 ? 77 : 0;
                const auto result =
                    apply(*store, {add{count_key("n"), delta}, check{row_key("absent"), wanted}});
                if (result == outcome::ok) {
                    expected += delta;
                }
            }
        });
        BOOST_TEST(counter(*store, count_key("n")) == expected);
    }
    BOOST_TEST(counter(*backend.open(), count_key("n")) == expected);
}

void readers_see_whole_commits(backend& backend) {
    const auto store = backend.open();
    BOOST_REQUIRE(apply(*store, {put{row_key("a"), "0"}, put{index_key("b"), "0"}}) == outcome::ok);
    std::atomic<bool> stop = false;
    std::atomic<int> torn = 0;
    std::atomic<int> reads = 0;
    {
        std::jthread reading([&] {
            while (!stop) {
                const auto reader = store->snapshot(read_mode::blocking);
                const auto a = reader->get(row_key("a")).value();
                const auto b = reader->get(index_key("b")).value();
                torn += a.value != b.value || a.stamp != b.stamp ||
                        std::to_string(reader->counter(count_key("c"))) != a.value;
                ++reads;
            }
        });
        for (int round = 1; round <= 300; ++round) {
            const auto text = std::to_string(round);
            apply(*store,
                  {put{row_key("a"), text}, put{index_key("b"), text}, add{count_key("c"), 1}});
        }
        stop = true;
    }
    BOOST_TEST(value(*store, row_key("a")).value() == "300");
    BOOST_TEST(reads > 0);
    BOOST_TEST(torn == 0);
}

void closing_finishes_what_is_queued(backend& backend) {
    constexpr std::size_t count = 500;
    outcomes results(count);
    {
        const auto store = backend.open();
        for (std::size_t at = 0; at < count; ++at) {
            store->submit({{insert{row_key(std::to_string(at)), ""}}}, results.at(at));
        }
    }
    const auto& got = results.wait();
    BOOST_TEST(results.each_called_once());
    const auto store = backend.open();
    for (std::size_t at = 0; at < count; ++at) {
        BOOST_REQUIRE(got[at] == outcome::ok);
        BOOST_REQUIRE(value(*store, row_key(std::to_string(at))).has_value());
    }
}

}  // namespace

std::vector<conformance_rule> concurrent_rules() {
    return {
        {"one_of_64_inserts_wins", one_of_64_inserts_wins},
        {"no_update_is_lost", no_update_is_lost},
        {"checks_prevent_write_skew", checks_prevent_write_skew},
        {"commits_in_flight_see_one_another", commits_in_flight_see_one_another},
        {"counters_are_right_under_load", counters_are_right_under_load},
        {"readers_see_whole_commits", readers_see_whole_commits},
        {"closing_finishes_what_is_queued", closing_finishes_what_is_queued},
    };
}

}  // namespace pinhole::kv::test
