// The token buckets by themselves, at a time that the test tells.
#include "handlers/rate_limit.hpp"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <string>

#include "tests/support/sanitizers.hpp"

namespace pinhole::handlers {
namespace {

using namespace std::chrono_literals;

constexpr bucket_size small_bucket{.burst = 3, .refill_interval = 700ms};

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t all = 0;
    std::size_t resident = 0;
    statm >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

BOOST_AUTO_TEST_SUITE(rate_limits)

BOOST_AUTO_TEST_CASE(waiting_as_long_as_told_suffices_and_less_does_not) {
    const auto start = rate_limiter::clock::now();
    for (const auto& size : {small_bucket, bucket_size{.burst = 200, .refill_interval = 100ms},
                             bucket_size{.burst = 10, .refill_interval = 30s},
                             bucket_size{.burst = 1, .refill_interval = 1ms}}) {
        rate_limiter limiter(size, true);
        for (int i = 0; i < static_cast<int>(size.burst); ++i) {
            BOOST_TEST(!limiter.take("a", start));
        }
        auto now = start;
        for (int round = 0; round < 50; ++round) {
            const auto wait = limiter.take("a", now);
            BOOST_TEST_REQUIRE(wait.has_value());
            BOOST_TEST((*wait > 0ms && *wait <= size.refill_interval));
            // Whoever asks too early is told the rest, and has not made it longer.
            const auto rest = limiter.take("a", now + *wait / 2);
            BOOST_TEST_REQUIRE(rest.has_value());
            BOOST_TEST((*wait / 2 + *rest <= *wait + 1ms));
            now += *wait;
            BOOST_TEST(!limiter.take("a", now));
        }
    }
}

BOOST_AUTO_TEST_CASE(tokens_come_back_up_to_the_burst_and_no_further) {
    rate_limiter limiter(small_bucket, true);
    const auto start = rate_limiter::clock::now();
    for (const auto at : {start, start + 24h}) {
        for (int i = 0; i < 3; ++i) {
            BOOST_TEST(!limiter.take("a", at));
        }
        BOOST_TEST(limiter.take("a", at).has_value());
    }
    // A clock that two threads read in another order gives nothing away.
    BOOST_TEST(limiter.take("a", start).has_value());
    BOOST_TEST(limiter.take("a", start + 24h).has_value());
}

BOOST_AUTO_TEST_CASE(buckets_do_not_share) {
    rate_limiter limiter(small_bucket, true);
    const auto now = rate_limiter::clock::now();
    while (!limiter.take("greedy", now)) {
    }
    BOOST_TEST(!limiter.take("other", now));
    rate_limiter off(small_bucket, false);
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST(!off.take("a", now));
    }
    BOOST_TEST(off.buckets() == 0U);
}

BOOST_AUTO_TEST_CASE(a_million_names_cost_bounded_memory_and_free_nobody_who_keeps_trying) {
    rate_limiter limiter({.burst = 2, .refill_interval = 1h}, true);
    const auto now = rate_limiter::clock::now();
    BOOST_TEST(!limiter.take("greedy", now));
    BOOST_TEST(!limiter.take("greedy", now));
    [[maybe_unused]] const auto before = resident_bytes();
    for (int i = 0; i < 1'000'000; ++i) {
        BOOST_TEST_REQUIRE(!limiter.take("2001:db8:1:2:: @some.name." + std::to_string(i), now));
        if (i % 10'000 == 0) {
            BOOST_TEST_REQUIRE(limiter.take("greedy", now).has_value());
        }
    }
    BOOST_TEST(limiter.buckets() == rate_limiter::buckets_max);
    if (test::costs_are_real) {
        BOOST_TEST(resident_bytes() < before + (std::size_t{32} << 20U));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::handlers
