#include "storage/base/id.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

#include "storage/base/time.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr std::int64_t start_ms = id_epoch_ms + 1'000'000;

/// A clock that a test sets.
struct set_clock {
    std::shared_ptr<std::atomic<std::int64_t>> ms =
        std::make_shared<std::atomic<std::int64_t>>(start_ms);
    id_generator::clock_ms function() const {
        return [now = ms] { return now->load(); };
    }
};

std::int64_t ms_of(entity_id id) {
    return (id >> (id_shard_bits + id_sequence_bits)) + id_epoch_ms;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ids)

BOOST_AUTO_TEST_CASE(an_id_holds_time_shard_and_sequence) {
    const set_clock clock;
    id_generator ids{4095, 0, clock.function()};
    ids.raise_ceiling(start_ms + 10);
    const auto first = ids.next();
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(ms_of(*first) == start_ms);
    BOOST_TEST(((*first >> id_sequence_bits) & 0xFFF) == 4095);
    BOOST_TEST((*first & 0x3FF) == 0);
    BOOST_TEST((ids.next().value() & 0x3FF) == 1);
}

BOOST_AUTO_TEST_CASE(threads_never_share_an_id_and_each_sees_them_grow) {
    id_generator ids{1, 0, [] { return to_microseconds(now()) / 1000; }};
    ids.raise_ceiling(INT64_MAX / 2);
    constexpr std::size_t each = 20'000;
    std::vector<std::vector<entity_id>> made(4);
    {
        std::vector<std::jthread> threads;
        threads.reserve(made.size());
        for (auto& mine : made) {
            threads.emplace_back([&mine, &ids] {
                for (std::size_t i = 0; i < each; ++i) {
                    mine.push_back(ids.next().value_or(0));
                }
            });
        }
    }
    std::vector<entity_id> all;
    for (const auto& mine : made) {
        BOOST_TEST(std::ranges::is_sorted(mine));
        all.insert(all.end(), mine.begin(), mine.end());
    }
    std::ranges::sort(all);
    BOOST_TEST(all.front() > 0);
    BOOST_TEST((std::ranges::adjacent_find(all) == all.end()));
    BOOST_TEST(all.size() == made.size() * each);
}

BOOST_AUTO_TEST_CASE(more_than_a_sequence_in_one_millisecond_borrows_the_next) {
    const set_clock clock;
    id_generator ids{0, 0, clock.function()};
    ids.raise_ceiling(start_ms + 100);
    entity_id last = 0;
    for (int i = 0; i < 5000; ++i) {
        const auto id = ids.next();
        BOOST_REQUIRE(id.has_value());
        BOOST_REQUIRE_GT(*id, last);
        last = *id;
    }
    BOOST_TEST(ms_of(last) == start_ms + 4999 / 1024);
}

BOOST_AUTO_TEST_CASE(a_clock_stepped_back_is_not_followed) {
    const set_clock clock;
    id_generator ids{0, 0, clock.function()};
    ids.raise_ceiling(start_ms + 100);
    const auto before = ids.next().value();
    *clock.ms -= 50'000;
    const auto after = ids.next().value();
    BOOST_TEST(after > before);
    BOOST_TEST(ms_of(after) == start_ms);
}

BOOST_AUTO_TEST_CASE(a_restart_begins_at_the_durable_ceiling) {
    const set_clock clock;
    id_generator before{0, 0, clock.function()};
    before.raise_ceiling(start_ms + 20);
    entity_id last = 0;
    while (const auto id = before.next()) {
        last = *id;
    }
    *clock.ms -= 1'000'000;
    id_generator after{0, start_ms + 20, clock.function()};
    BOOST_TEST(!after.next().has_value());
    after.raise_ceiling(after.wanted_ceiling_ms().value());
    const auto first = after.next();
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(*first > last);
    BOOST_TEST(ms_of(*first) == start_ms + 20);
}

BOOST_AUTO_TEST_CASE(the_ceiling_is_never_passed) {
    const set_clock clock;
    id_generator ids{0, 0, clock.function()};
    BOOST_TEST(!ids.next().has_value());
    ids.raise_ceiling(start_ms + 3);
    std::size_t issued = 0;
    while (const auto id = ids.next()) {
        BOOST_REQUIRE_LT(ms_of(*id), start_ms + 3);
        ++issued;
    }
    BOOST_TEST(issued == 3U * 1024U);
    BOOST_TEST(!ids.next().has_value());
    ids.raise_ceiling(start_ms + 1);  // a ceiling never comes down, nor does this one help
    BOOST_TEST(!ids.next().has_value());
    ids.raise_ceiling(start_ms + 4);
    BOOST_TEST(ms_of(ids.next().value()) == start_ms + 3);
}

BOOST_AUTO_TEST_CASE(a_jump_forward_is_followed_once_its_ceiling_is_durable) {
    const set_clock clock;
    id_generator ids{0, 0, clock.function()};
    ids.raise_ceiling(start_ms + 1000);
    const auto before = ids.next().value();
    *clock.ms += 3'600'000;
    const auto during = ids.next().value();
    BOOST_TEST(during > before);
    BOOST_TEST(ms_of(during) == start_ms + 999);
    const auto wanted = ids.wanted_ceiling_ms();
    BOOST_REQUIRE(wanted.has_value());
    BOOST_TEST(*wanted == start_ms + 3'600'000 + id_generator::reserve_ms);
    ids.raise_ceiling(*wanted);
    const auto after = ids.next().value();
    BOOST_TEST(after > during);
    BOOST_TEST(ms_of(after) == start_ms + 3'600'000);
}

BOOST_AUTO_TEST_CASE(a_new_ceiling_is_wanted_only_when_the_margin_shrinks) {
    const set_clock clock;
    id_generator ids{0, 0, clock.function()};
    const auto first = ids.wanted_ceiling_ms();
    BOOST_REQUIRE(first.has_value());
    BOOST_TEST(*first == start_ms + id_generator::reserve_ms);
    ids.raise_ceiling(*first);
    BOOST_TEST(!ids.wanted_ceiling_ms().has_value());
    *clock.ms += id_generator::reserve_ms - id_generator::margin_ms - 1;
    BOOST_TEST(!ids.wanted_ceiling_ms().has_value());
    *clock.ms += 1;
    BOOST_TEST(ids.wanted_ceiling_ms().has_value());
}

BOOST_AUTO_TEST_CASE(the_first_id_of_all_is_not_zero) {
    const set_clock clock;
    *clock.ms = id_epoch_ms;
    id_generator ids{0, 0, clock.function()};
    ids.raise_ceiling(ids.wanted_ceiling_ms().value());
    const auto first = ids.next().value();
    BOOST_TEST(first > 0);
    BOOST_TEST(ids.next().value() > first);
}

BOOST_AUTO_TEST_CASE(a_clock_that_cannot_be_right_gets_no_id_until_it_is) {
    const set_clock clock;
    id_generator ids{0, 0, clock.function()};
    ids.raise_ceiling(ids.wanted_ceiling_ms().value());
    auto before = ids.next().value();
    for (const std::int64_t wrong : {std::int64_t{0}, id_epoch_ms - 1, id_clock_end_ms, id_end_ms,
                                     INT64_MAX / 1000, INT64_MIN / 1000}) {
        BOOST_TEST_CONTEXT(wrong) {
            *clock.ms = wrong;
            BOOST_TEST(!is_plausible(ids.clock_now()));
            BOOST_TEST(!ids.next().has_value());
            BOOST_TEST(!ids.next_dated(ids.clock_now()).has_value());
            BOOST_TEST(!ids.wanted_ceiling_ms().has_value());
            *clock.ms = start_ms;
            BOOST_TEST(is_plausible(ids.clock_now()));
            const auto after = ids.next().value();
            BOOST_TEST(after > before);
            before = after;
        }
    }
}

/// The clock of one run was as far ahead as it can be without anybody's noticing.
BOOST_AUTO_TEST_CASE(a_clock_that_was_far_ahead_leaves_ids_for_ever) {
    const set_clock clock;
    *clock.ms = id_clock_end_ms - 1;
    id_generator ids{0, 0, clock.function()};
    ids.raise_ceiling(ids.wanted_ceiling_ms().value());
    const auto wrong = ids.next().value();
    BOOST_TEST(ms_of(wrong) == id_clock_end_ms - 1);
    *clock.ms = start_ms;
    BOOST_TEST((ids.ahead_of_clock() == std::chrono::milliseconds{id_clock_end_ms - 1 - start_ms}));
    entity_id last = wrong;
    constexpr int issued = 100 * 1024;
    for (int i = 0; i < issued; ++i) {
        const auto id = ids.next();
        BOOST_REQUIRE(id.has_value());
        BOOST_REQUIRE_GT(*id, last);
        last = *id;
    }
    // Time in ids goes as they are used, not as the clock does: at 1,000 a second, for 3,000 years.
    BOOST_TEST(ms_of(last) - ms_of(wrong) == issued / 1024);
    BOOST_TEST((id_end_ms - ms_of(last)) / (365LL * 24 * 3600 * 1000) >= 3);
}

BOOST_AUTO_TEST_CASE(ids_never_turn_negative_at_the_end_of_their_time) {
    const set_clock clock;
    id_generator ids{4095, id_end_ms - 2, clock.function()};
    BOOST_TEST(ids.wanted_ceiling_ms().value() == id_end_ms);
    ids.raise_ceiling(id_end_ms + 1'000'000);
    entity_id last = 0;
    std::size_t issued = 0;
    while (const auto id = ids.next()) {
        BOOST_REQUIRE_GT(*id, last);
        last = *id;
        ++issued;
    }
    BOOST_TEST(issued == 2U * 1024U);
    BOOST_TEST(last == INT64_MAX);
    BOOST_TEST(!ids.wanted_ceiling_ms().has_value());

    // A ceiling that an earlier program made durable beyond the end.
    id_generator after{4095, id_end_ms + 1'000'000, clock.function()};
    BOOST_TEST(!after.wanted_ceiling_ms().has_value());
    BOOST_TEST(!after.next().has_value());
}

BOOST_AUTO_TEST_CASE(parse_id_takes_canonical_decimals_only) {
    BOOST_TEST((parse_id("1") == 1));
    BOOST_TEST((parse_id("9223372036854775807") == INT64_MAX));
    for (const std::string_view bad :
         {"", "0", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "x", "1x",
          "9223372036854775808", "9999999999999999999", "10000000000000000000", "1\n",
          "\xd9\xa1"}) {
        BOOST_TEST_INFO_SCOPE("'" << bad << "'");
        BOOST_TEST(!parse_id(bad).has_value());
    }
    BOOST_TEST(!parse_id(std::string_view{"1\0", 2}).has_value());
}

BOOST_AUTO_TEST_CASE(times_follow_ids_over_a_small_step_back) {
    using namespace std::chrono_literals;
    const timestamp start{std::chrono::milliseconds{id_epoch_ms} + 1h * 24 * 365};
    id_generator ids(0, 0, [&] { return to_microseconds(start) / 1000; });
    ids.raise_ceiling(ids.wanted_ceiling_ms().value());
    timestamp last{};
    for (const auto at :
         {start, start + 5us, start - 1s, start + 4us, start - 59min, start + 6us}) {
        const auto made = ids.next_dated(at).value();
        BOOST_TEST((made.created_at >= last));
        BOOST_TEST((made.created_at >= at));
        last = made.created_at;
    }
    BOOST_TEST((last == start + 6us));
    // Somebody has mended the clock.
    BOOST_TEST((ids.next_dated(start - 2h)->created_at == start - 2h));
}

BOOST_AUTO_TEST_CASE(times_follow_ids_over_a_restart_with_the_clock_stepped_back) {
    using namespace std::chrono_literals;
    const set_clock clock;
    id_generator ids(0, start_ms + id_generator::reserve_ms, clock.function());
    ids.raise_ceiling(ids.wanted_ceiling_ms().value());
    const timestamp before = ids.clock_now();
    ids.date_after(before);
    BOOST_TEST((ids.next_dated(before - 10min)->created_at == before));
    BOOST_TEST((ids.next_dated(before + 1ms)->created_at == before + 1ms));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
