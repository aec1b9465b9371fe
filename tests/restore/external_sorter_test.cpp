// The sorter against std::multimap, with so little memory that it spills, and with so many runs
// that they are merged before the end.
#include "storage/dump/external_sorter.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <future>
#include <iterator>
#include <map>
#include <utility>

#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

using records = std::vector<std::pair<std::string, std::string>>;

template <class Source>
records all_of(Source& source) {
    records found;
    while (const auto record = source.next()) {
        found.emplace_back(record->key, record->value);
    }
    return found;
}

records sorted(const records& given) {
    // Which keeps equal keys in the order in which they were put in.
    const std::multimap<std::string, std::string> by_key{given.begin(), given.end()};
    return {by_key.begin(), by_key.end()};
}

void check_sorted(const records& given, std::size_t memory_bytes) {
    const pinhole::test::temporary_directory directory;
    dump::external_sorter sorter{directory.path(), memory_bytes};
    for (const auto& [key, value] : given) {
        sorter.add(key, value);
    }
    BOOST_TEST(fs::is_empty(directory.path()));  // what is spilled has no name
    sorter.finish();
    BOOST_TEST((all_of(sorter) == sorted(given)));
}

/// In ranges, each of which a thread of its own goes through.
void check_ranges(const records& given, std::size_t memory_bytes, std::size_t count) {
    const pinhole::test::temporary_directory directory;
    dump::external_sorter sorter{directory.path(), memory_bytes};
    for (const auto& [key, value] : given) {
        sorter.add(key, value);
    }
    auto ranges = sorter.ranges(count);
    BOOST_TEST((ranges.size() == count || ranges.size() == 1U));
    std::vector<std::future<records>> parts;
    for (auto& range : ranges) {
        parts.push_back(std::async(std::launch::async, [&range] { return all_of(range); }));
    }
    records found;
    for (auto& each : parts) {
        std::ranges::move(each.get(), std::back_inserter(found));
    }
    BOOST_TEST((found == sorted(given)));
}

/// Zeros above all: a key that ends in one is above the same without it.
records random_records(generator& random, std::size_t count, std::size_t key_bytes) {
    records made;
    for (std::size_t i = 0; i < count; ++i) {
        std::string key = random.bytes(key_bytes);
        std::ranges::replace_if(key, [&](char) { return !random.one_in(4); }, '\0');
        made.emplace_back(std::move(key), std::to_string(i));
    }
    return made;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(external_sorter)

BOOST_AUTO_TEST_CASE(records_come_by_key_and_equal_ones_as_they_came) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    for (const std::size_t memory_bytes : {1U, 200U, 3'000U, 1'000'000U}) {
        for (const std::size_t key_bytes : {2U, 9U, 40U}) {
            check_sorted(random_records(random, 3'000, key_bytes), memory_bytes);
        }
    }
}

BOOST_AUTO_TEST_CASE(ranges_are_one_behind_the_other) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    for (const std::size_t memory_bytes : {3'000U, 1'000'000U}) {
        for (const std::size_t records : {0U, 1U, 3U, 1'000U, 3'001U}) {
            for (const std::size_t count : {1U, 2U, 4U}) {
                check_ranges(random_records(random, records, 30), memory_bytes, count);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_and_empty_keys_are_sorted) {
    check_sorted({}, 100);
    check_sorted({{"", ""}}, 100);
    check_sorted({{"", "a"}, {"", ""}, {std::string(1, '\0'), ""}, {"", "b"}}, 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
