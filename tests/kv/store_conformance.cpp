#include "tests/kv/store_conformance.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <limits>
#include <optional>
#include <random>
#include <ranges>
#include <set>
#include <string>
#include <vector>

#include "tests/kv/test_store.hpp"

namespace pinhole::kv::test {
namespace {

using namespace std::string_literals;
using strings = std::vector<std::string>;

constexpr std::uint32_t all = std::numeric_limits<std::uint32_t>::max();

void order_is_that_of_unsigned_bytes(backend& backend) {
    const auto store = backend.open();
    strings keys{""s,     "\0"s,   "\0\0"s, "\0\x01"s, "\0\xff"s,  "\x01"s,
                 "a"s,    "a\0"s,  "a\0b"s, "a\xff"s,  "aa"s,      "b"s,
                 "\x7f"s, "\x80"s, "\xff"s, "\xff\0"s, "\xff\xff"s};
    const auto shuffled = [&] {
        auto copy = keys;
        std::shuffle(copy.begin(), copy.end(), std::mt19937(7));
        return copy;
    }();
    std::ranges::sort(keys);
    for (const family_id family : {rows, index}) {
        for (const auto& bytes : shuffled) {
            BOOST_REQUIRE(apply(*store, {insert{{1, family, bytes}, bytes}}) == outcome::ok);
        }
        const auto forward = scan(*store, {1, family, "", "", all, false});
        BOOST_TEST(keys_of(forward) == keys, boost::test_tools::per_element());
        for (const auto& row : forward) {
            BOOST_TEST(row.value == row.key);
        }
        const auto backward = scan(*store, {1, family, "", "", all, true});
        const strings reversed(keys.rbegin(), keys.rend());
        BOOST_TEST(keys_of(backward) == reversed, boost::test_tools::per_element());
    }
}

void a_range_is_half_open(backend& backend) {
    const auto store = backend.open();
    for (const auto* bytes : {"a", "b", "c", "d"}) {
        BOOST_REQUIRE(apply(*store, {put{index_key(bytes), ""}}) == outcome::ok);
    }
    const auto keys = [&](std::string from, std::string to, std::uint32_t limit, bool reverse) {
        return keys_of(scan(*store, {1, index, std::move(from), std::move(to), limit, reverse}));
    };
    BOOST_TEST((keys("b", "d", all, false) == strings{"b", "c"}));
    BOOST_TEST((keys("b", "d", all, true) == strings{"c", "b"}));
    BOOST_TEST((keys("b", "", all, false) == strings{"b", "c", "d"}));
    BOOST_TEST((keys("", "b\0"s, all, true) == strings{"b", "a"}));
    BOOST_TEST((keys("", "", 1, true) == strings{"d"}));
    BOOST_TEST((keys("", "", 3, false) == strings{"a", "b", "c"}));
    BOOST_TEST(keys("", "", 0, false).empty());
    BOOST_TEST(keys("c", "c", all, false).empty());
    BOOST_TEST(keys("d", "b", all, false).empty());
    BOOST_TEST(keys("d", "b", all, true).empty());
    BOOST_TEST(keys("x", "z", all, false).empty());
}

void pages_show_every_row_once(backend& backend) {
    const auto store = backend.open();
    strings expected;
    for (int number = 100; number < 200; ++number) {
        expected.push_back(std::to_string(number));
        BOOST_REQUIRE(apply(*store, {put{row_key(expected.back()), ""}}) == outcome::ok);
    }
    strings forward;
    for (std::string from;;) {
        const auto page = scan(*store, {1, rows, from, "", 7, false});
        if (page.empty()) {
            break;
        }
        std::ranges::copy(keys_of(page), std::back_inserter(forward));
        from = forward.back() + '\0';
    }
    BOOST_TEST(forward == expected, boost::test_tools::per_element());

    strings backward;
    for (std::string to;;) {
        const auto page = scan(*store, {1, rows, "", to, 7, true});
        std::ranges::copy(keys_of(page), std::back_inserter(backward));
        if (page.size() < 7) {
            break;
        }
        to = backward.back();
    }
    std::ranges::reverse(backward);
    BOOST_TEST(backward == expected, boost::test_tools::per_element());
}

void parts_and_families_are_apart(backend& backend) {
    const auto store = backend.open();
    using limits = std::numeric_limits<part_id>;
    const std::vector<part_id> parts{limits::min(), -2, -1, 0, 1, 255, 256, limits::max()};
    for (const family_id family : {rows, index}) {
        for (const auto part : parts) {
            for (const auto& bytes : {""s, "\0"s, "\xff\xff\xff\xff\xff\xff\xff\xff\xff"s}) {
                const auto text = std::to_string(family) + "/" + std::to_string(part);
                BOOST_REQUIRE(apply(*store, {insert{{part, family, bytes}, text}}) == outcome::ok);
            }
        }
    }
    for (const family_id family : {rows, index}) {
        for (const auto part : parts) {
            for (const bool reverse : {false, true}) {
                const auto found = scan(*store, {part, family, "", "", all, reverse});
                BOOST_TEST(found.size() == 3U);
                for (const auto& row : found) {
                    BOOST_TEST(row.value == std::to_string(family) + "/" + std::to_string(part));
                }
            }
        }
    }
    BOOST_TEST(scan(*store, {2, rows, "", "", all, false}).empty());
    BOOST_TEST(scan(*store, {2, index, "", "", all, true}).empty());
}

void aba_gives_another_stamp(backend& backend) {
    const auto store = backend.open();
    BOOST_REQUIRE(apply(*store, {insert{row_key("k"), "v"}}) == outcome::ok);
    const auto first = stamp_of(*store, row_key("k"));
    BOOST_REQUIRE(apply(*store, {erase{row_key("k")}}) == outcome::ok);
    BOOST_REQUIRE(apply(*store, {insert{row_key("k"), "v"}}) == outcome::ok);
    BOOST_TEST(stamp_of(*store, row_key("k")) > first);
    BOOST_TEST(
        (apply(*store, {check{row_key("k"), first}, put{row_key("k"), "w"}}) == outcome::conflict));
    BOOST_TEST(value(*store, row_key("k")).value() == "v");
}

void a_failed_commit_leaves_nothing(backend& backend) {
    const auto store = backend.open();
    BOOST_REQUIRE(apply(*store, {insert{row_key("there"), "old"}, add{count_key("n"), 5}}) ==
                  outcome::ok);
    const auto before = stamp_of(*store, row_key("there"));
    const std::vector<operation> changes{put{row_key("there"), "new"}, insert{row_key("more"), ""},
                                         erase{row_key("there")}, add{count_key("n"), 100}};
    for (const bool failing_first : {true, false}) {
        for (const auto& [failing, answer] :
             {std::pair<operation, outcome>{check{row_key("other"), 77}, outcome::conflict},
              {insert{index_key("taken"), ""}, outcome::exists}}) {
            BOOST_REQUIRE(apply(*store, {put{index_key("taken"), ""}}) == outcome::ok);
            auto operations = changes;
            operations.insert(failing_first ? operations.begin() : operations.end(), failing);
            BOOST_TEST((apply(*store, operations) == answer));
        }
    }
    BOOST_TEST(value(*store, row_key("there")).value() == "old");
    BOOST_TEST(stamp_of(*store, row_key("there")) == before);
    BOOST_TEST(!value(*store, row_key("more")).has_value());
    BOOST_TEST(counter(*store, count_key("n")) == 5);
}

void checks_compare_stamps(backend& backend) {
    const auto store = backend.open();
    BOOST_REQUIRE(apply(*store, {put{row_key("k"), "1"}}) == outcome::ok);
    const auto now = stamp_of(*store, row_key("k"));
    // Commits of checks alone.
    BOOST_TEST((apply(*store, {check{row_key("k"), now}}) == outcome::ok));
    BOOST_TEST((apply(*store, {check{row_key("k"), now + 1}}) == outcome::conflict));
    BOOST_TEST((apply(*store, {check{row_key("k"), 0}}) == outcome::conflict));
    BOOST_TEST((apply(*store, {check{row_key("absent"), 0}}) == outcome::ok));
    BOOST_TEST((apply(*store, {check{row_key("absent"), now}}) == outcome::conflict));
    BOOST_TEST((apply(*store, {}) == outcome::ok));
    // A put of the same bytes is a change.
    BOOST_REQUIRE(apply(*store, {put{row_key("k"), "1"}}) == outcome::ok);
    BOOST_TEST((apply(*store, {check{row_key("k"), now}}) == outcome::conflict));
}

void operations_see_those_before_them(backend& backend) {
    const auto store = backend.open();
    const auto k = row_key("k");
    BOOST_TEST((apply(*store, {insert{k, "1"}, insert{k, "2"}}) == outcome::exists));
    BOOST_TEST(!value(*store, k).has_value());
    BOOST_TEST((apply(*store, {insert{k, "1"}, check{k, 0}}) == outcome::conflict));
    BOOST_TEST((apply(*store, {insert{k, "1"}, erase{k}, check{k, 0}, insert{k, "2"},
                               put{k, "3"}}) == outcome::ok));
    BOOST_TEST(value(*store, k).value() == "3");
    BOOST_TEST((apply(*store, {erase{k}, insert{k, "4"}, erase{k}}) == outcome::ok));
    BOOST_TEST(!value(*store, k).has_value());
    BOOST_TEST((apply(*store, {erase{k}}) == outcome::ok));
    BOOST_TEST((apply(*store, {add{count_key("c"), 2}, add{count_key("c"), 3},
                               erase{count_key("c")}, add{count_key("c"), 4}}) == outcome::ok));
    BOOST_TEST(counter(*store, count_key("c")) == 4);
}

void a_commit_has_one_stamp(backend& backend) {
    const auto store = backend.open();
    std::vector<operation> many;
    for (int number = 0; number < 50; ++number) {
        many.emplace_back(insert{row_key(std::to_string(number)), ""});
        many.emplace_back(insert{index_key(std::to_string(number)), ""});
    }
    BOOST_REQUIRE(apply(*store, many) == outcome::ok);
    std::set<stamp> stamps;
    for (const family_id family : {rows, index}) {
        for (const auto& row : scan(*store, {1, family, "", "", all, false})) {
            stamps.insert(row.stamp);
        }
    }
    BOOST_TEST(stamps.size() == 1U);
    BOOST_TEST(*stamps.begin() != 0U);
}

void stamps_grow_over_restarts(backend& backend) {
    stamp last = 0;
    for (int life = 0; life < 4; ++life) {
        const auto store = backend.open();
        BOOST_TEST(stamp_of(*store, row_key("k")) == last);
        for (int round = 0; round < 20; ++round) {
            BOOST_REQUIRE(apply(*store, {add{count_key("c"), 1}, erase{row_key("x")},
                                         put{row_key("k"), ""}}) == outcome::ok);
            BOOST_REQUIRE(apply(*store, {put{row_key("x"), ""}, check{row_key("k"), 0}}) ==
                          outcome::conflict);
            const auto now = stamp_of(*store, row_key("k"));
            BOOST_REQUIRE(now > last);
            last = now;
        }
        // What the last commit of a life wrote is erased, so the stamp lives in no row.
        BOOST_REQUIRE(apply(*store, {put{row_key("gone"), ""}}) == outcome::ok);
        const auto gone = stamp_of(*store, row_key("gone"));
        BOOST_REQUIRE(apply(*store, {erase{row_key("gone")}}) == outcome::ok);
        BOOST_TEST(gone > last);
    }
}

void what_is_committed_is_there_after_reopening(backend& backend) {
    stamp before = 0;
    {
        const auto store = backend.open();
        BOOST_REQUIRE(apply(*store, {insert{row_key("r"), "row"}, insert{index_key("i"), ""},
                                     add{count_key("c"), -3}}) == outcome::ok);
        BOOST_REQUIRE(apply(*store, {put{row_key("erased"), "x"}}) == outcome::ok);
        BOOST_REQUIRE(apply(*store, {erase{row_key("erased")}}) == outcome::ok);
        before = stamp_of(*store, row_key("r"));
    }
    for (int life = 0; life < 2; ++life) {
        const auto store = backend.open();
        BOOST_TEST(value(*store, row_key("r")).value() == "row");
        BOOST_TEST(stamp_of(*store, row_key("r")) == before);
        BOOST_TEST(value(*store, index_key("i")).value().empty());
        BOOST_TEST(counter(*store, count_key("c")) == -3);
        BOOST_TEST(!value(*store, row_key("erased")).has_value());
        BOOST_TEST((apply(*store, {insert{row_key("r"), ""}}) == outcome::exists));
    }
}

void a_snapshot_never_changes(backend& backend) {
    const auto store = backend.open();
    BOOST_REQUIRE(apply(*store, {put{row_key("a"), "old"}, put{row_key("b"), "old"},
                                 add{count_key("c"), 1}}) == outcome::ok);
    const auto snapshot = store->snapshot(read_mode::blocking);
    BOOST_REQUIRE(apply(*store, {put{row_key("a"), "new"}, erase{row_key("b")},
                                 insert{row_key("d"), "new"}, add{count_key("c"), 1}}) ==
                  outcome::ok);
    BOOST_TEST(snapshot->get(row_key("a")).value().value == "old");
    BOOST_TEST(!snapshot->get(row_key("d")).has_value());
    const std::vector<key> keys{row_key("b"), row_key("d")};
    const auto found = snapshot->multi_get(keys);
    BOOST_TEST(found.at(0).value().value == "old");
    BOOST_TEST(!found.at(1).has_value());
    BOOST_TEST((keys_of(snapshot->scan({1, rows, "", "", all, false})) == strings{"a", "b"}));
    BOOST_TEST(snapshot->counter(count_key("c")) == 1);
    BOOST_TEST(counter(*store, count_key("c")) == 2);
    BOOST_TEST((keys_of(scan(*store, {1, rows, "", "", all, false})) == strings{"a", "d"}));
}

void multi_get_answers_in_the_order_asked(backend& backend) {
    const auto store = backend.open();
    std::vector<key> keys;
    for (int number = 0; number < 100; ++number) {
        const auto name = std::to_string(number);
        keys.push_back({number % 5, number % 2 == 0 ? rows : index, name});
        if (number % 3 != 0) {
            BOOST_REQUIRE(apply(*store, {put{keys.back(), name}}) == outcome::ok);
        }
    }
    std::shuffle(keys.begin(), keys.end(), std::mt19937(11));
    keys.push_back(keys.front());
    const auto reader = store->snapshot(read_mode::blocking);
    for (const std::size_t count : {keys.size(), std::size_t{3}, keys.size(), std::size_t{0}}) {
        const auto found = reader->multi_get(std::span(keys).first(count));
        BOOST_REQUIRE_EQUAL(found.size(), count);
        for (std::size_t at = 0; at < count; ++at) {
            const bool there = std::stoi(keys[at].bytes) % 3 != 0;
            BOOST_REQUIRE_EQUAL(found[at].has_value(), there);
            if (there) {
                BOOST_TEST(found[at]->value == keys[at].bytes);
                BOOST_TEST(found[at]->stamp == stamp_of(*store, keys[at]));
            }
        }
    }
}

void counters_add_up(backend& backend) {
    const auto store = backend.open();
    BOOST_TEST(counter(*store, count_key("never")) == 0);
    for (int round = 0; round < 100; ++round) {
        BOOST_REQUIRE(apply(*store, {add{count_key("up"), 3}, add{count_key("down"), -2},
                                     add{count_key("up", 2), 1}}) == outcome::ok);
    }
    BOOST_REQUIRE(apply(*store, {add{count_key("erased"), 9}}) == outcome::ok);
    BOOST_REQUIRE(apply(*store, {erase{count_key("erased")}}) == outcome::ok);
    const std::vector<key> keys{count_key("down"), count_key("never"), count_key("up"),
                                count_key("up", 2), count_key("erased")};
    const auto sums = store->snapshot(read_mode::blocking)->counters(keys);
    BOOST_TEST((sums == std::vector<std::int64_t>{-200, 0, 300, 100, 0}));

    const auto listed = scan(*store, {1, counts, "", "", all, false});
    BOOST_TEST((keys_of(listed) == strings{"down", "up"}));
    BOOST_TEST(listed.at(0).value == "-200");
    BOOST_TEST(listed.at(1).value == "300");
}

void the_largest_keys_and_values_fit(backend& backend) {
    const std::string big_key(key_bytes_max, '\xff');
    const std::string big_value(value_bytes_max, '\0');
    const auto part = std::numeric_limits<part_id>::max();
    const auto expect_all = [&](const store& store) {
        const std::vector<key> keys{row_key(big_key, part), row_key("", part)};
        const auto found = store.snapshot(read_mode::blocking)->multi_get(keys);
        BOOST_TEST((found.at(0).value().value == big_value));
        BOOST_TEST(found.at(1).value().value.empty());
        const auto listed = scan(store, {part, rows, "", "", all, true});
        BOOST_REQUIRE_EQUAL(listed.size(), 2U);
        BOOST_TEST((listed.at(0).key == big_key && listed.at(0).value == big_value));
        BOOST_TEST(listed.at(1).key.empty());
        BOOST_TEST((scan(store, {part, rows, big_key, "", all, false}).size() == 1U));
    };
    {
        const auto store = backend.open();
        BOOST_REQUIRE(apply(*store, {insert{row_key(big_key, part), big_value},
                                     insert{row_key("", part), ""}}) == outcome::ok);
        expect_all(*store);
    }
    expect_all(*backend.open());
}

/// Page by page, over all parts, and nothing of another family.
void a_walk_shows_a_whole_family(backend& backend) {
    const auto store = backend.open();
    const std::vector<part_id> parts{std::numeric_limits<part_id>::min(), -1, 0, 7,
                                     std::numeric_limits<part_id>::max()};
    std::vector<std::pair<part_id, std::string>> wanted;
    for (const part_id part : parts) {
        for (const auto& bytes : {""s, "\0"s, "a"s, "\xff"s}) {
            wanted.emplace_back(part, bytes);
            BOOST_REQUIRE(apply(*store, {put{{part, rows, bytes}, bytes + "!"},
                                         put{{part, index, bytes + "x"}, ""}}) == outcome::ok);
        }
    }
    for (const std::uint32_t limit : {1U, 3U, 20U, all}) {
        std::vector<std::pair<part_id, std::string>> found;
        const auto reader = store->snapshot(read_mode::blocking);
        for (std::optional<key> beyond;;) {
            const auto page = reader->walk(rows, beyond ? &*beyond : nullptr, limit);
            BOOST_REQUIRE(page.size() <= limit);
            if (page.empty()) {
                break;
            }
            for (const located_row& each : page) {
                found.emplace_back(each.part, each.row.key);
                BOOST_TEST(each.row.value == each.row.key + "!");
                BOOST_TEST(each.row.stamp > 0U);
            }
            beyond = {page.back().part, rows, page.back().row.key};
        }
        BOOST_TEST((found == wanted));
    }
    BOOST_REQUIRE(apply(*store, {add{count_key("n", 3), -5}}) == outcome::ok);
    const auto counters = store->snapshot(read_mode::blocking)->walk(counts, nullptr, all);
    BOOST_REQUIRE(counters.size() == 1U);
    BOOST_TEST(counters.front().part == 3);
    BOOST_TEST(counters.front().row.value == "-5");
}

void postings_are_put_and_erased(backend& backend) {
    const auto store = backend.open();
    const auto keys = [&](bool reverse) {
        return keys_of(scan(*store, {1, postings, "", "", all, reverse}));
    };
    BOOST_REQUIRE(apply(*store, {put{posting_key("b"), ""}, put{posting_key("a"), ""},
                                 put{posting_key("c"), ""}, erase{posting_key("b")}}) ==
                  outcome::ok);
    BOOST_TEST((keys(false) == strings{"a", "c"}));
    BOOST_TEST((keys(true) == strings{"c", "a"}));
    BOOST_TEST(value(*store, posting_key("a")).value() == "");
    BOOST_TEST(!value(*store, posting_key("b")).has_value());
    // What a failed commit put is not there, and what it erased is.
    BOOST_REQUIRE(apply(*store, {put{posting_key("d"), ""}, erase{posting_key("a")},
                                 check{row_key("none"), 7}}) == outcome::conflict);
    BOOST_TEST((keys(false) == strings{"a", "c"}));
    const auto several = store->snapshot(read_mode::blocking)
                             ->multi_get(std::vector{posting_key("c"), posting_key("x")});
    BOOST_TEST(several[0].has_value());
    BOOST_TEST(!several[1].has_value());
}

void what_is_enqueued_stands_in_the_order_of_commits(backend& backend) {
    const auto store = backend.open();
    for (const auto* behind : {"z", "a", "m"}) {
        BOOST_REQUIRE(apply(*store, {enqueue{index_key("q"), behind}}) == outcome::ok);
    }
    // Two of one commit have one stamp, and what is behind it tells them apart.
    BOOST_REQUIRE(apply(*store, {enqueue{index_key("q"), "y"}, enqueue{index_key("q"), "x"}}) ==
                  outcome::ok);
    BOOST_REQUIRE(apply(*store, {enqueue{index_key("q"), "never"}, check{row_key("none"), 7}}) ==
                  outcome::conflict);
    strings behinds;
    strings stamps;
    for (const row& each : scan(*store, {1, index, "q", "r", all, false})) {
        BOOST_REQUIRE_EQUAL(each.key.size(), 1 + key_stamp_bytes + 1);
        stamps.push_back(each.key.substr(1, key_stamp_bytes));
        behinds.push_back(each.key.substr(1 + key_stamp_bytes));
    }
    BOOST_TEST(behinds == (strings{"z", "a", "m", "x", "y"}), boost::test_tools::per_element());
    BOOST_TEST(std::ranges::is_sorted(stamps));
    BOOST_TEST(stamps[3] == stamps[4]);
    BOOST_TEST(stamps[2] != stamps[3]);
}

void a_family_is_estimated(backend& backend) {
    auto store = backend.open();
    std::vector<operation> operations;
    for (int i = 0; i < 1'000; ++i) {
        operations.emplace_back(put{row_key(std::to_string(i)), "x"});
    }
    BOOST_REQUIRE(apply(*store, std::move(operations)) == outcome::ok);
    const auto check = [&store] {
        const auto about = store->snapshot(read_mode::blocking)->approximate_rows(rows);
        BOOST_TEST(about >= 500U);
        BOOST_TEST(about <= 2'000U);
    };
    check();
    // The second time there is no log to be replayed: what is known comes from what was written.
    for (int i = 0; i < 2; ++i) {
        store.reset();
        store = backend.open();
        check();
    }
}

void a_new_store_is_well(backend& backend) {
    const auto store = backend.open();
    BOOST_TEST((store->health() == health::ok));
}

}  // namespace

std::vector<conformance_rule> sequential_rules() {
    return {
        {"order_is_that_of_unsigned_bytes", order_is_that_of_unsigned_bytes},
        {"a_range_is_half_open", a_range_is_half_open},
        {"pages_show_every_row_once", pages_show_every_row_once},
        {"parts_and_families_are_apart", parts_and_families_are_apart},
        {"aba_gives_another_stamp", aba_gives_another_stamp},
        {"a_failed_commit_leaves_nothing", a_failed_commit_leaves_nothing},
        {"checks_compare_stamps", checks_compare_stamps},
        {"operations_see_those_before_them", operations_see_those_before_them},
        {"a_commit_has_one_stamp", a_commit_has_one_stamp},
        {"stamps_grow_over_restarts", stamps_grow_over_restarts},
        {"what_is_committed_is_there_after_reopening", what_is_committed_is_there_after_reopening},
        {"a_snapshot_never_changes", a_snapshot_never_changes},
        {"multi_get_answers_in_the_order_asked", multi_get_answers_in_the_order_asked},
        {"counters_add_up", counters_add_up},
        {"the_largest_keys_and_values_fit", the_largest_keys_and_values_fit},
        {"a_walk_shows_a_whole_family", a_walk_shows_a_whole_family},
        {"postings_are_put_and_erased", postings_are_put_and_erased},
        {"what_is_enqueued_stands_in_the_order_of_commits",
         what_is_enqueued_stands_in_the_order_of_commits},
        {"a_family_is_estimated", a_family_is_estimated},
        {"a_new_store_is_well", a_new_store_is_well},
    };
}

void register_conformance(std::string_view backend_name, const backend_factory& factory) {
    auto* suite = BOOST_TEST_SUITE(std::string(backend_name));
    for (const auto& rules : {sequential_rules(), concurrent_rules()}) {
        for (const auto& rule : rules) {
            const auto run = [factory, test = rule.test] { test(*factory()); };
            suite->add(
                boost::unit_test::make_test_case(run, std::string(rule.name), __FILE__, __LINE__));
        }
    }
    boost::unit_test::framework::current_auto_test_suite().add(suite);
}

}  // namespace pinhole::kv::test
