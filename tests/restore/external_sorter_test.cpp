// The sorter against std::multimap, with so little memory that it spills, and with so many runs
// that they are merged before the end.
#include "storage/dump/external_sorter.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

using records = std::vector<std::pair<std::string, std::string>>;

void check_sorted(const records& given, std::size_t memory_bytes) {
    const pinhole::test::temporary_directory directory;
    dump::external_sorter sorter{directory.path(), memory_bytes};
    for (const auto& [key, value] : given) {
        sorter.add(key, value);
    }
    BOOST_TEST(fs::is_empty(directory.path()));  // what is spilled has no name
    sorter.finish();
    records found;
    while (const auto record = sorter.next()) {
        found.emplace_back(record->key, record->value);
    }
    // Which keeps equal keys in the order in which they were put in.
    const std::multimap<std::string, std::string> sorted{given.begin(), given.end()};
    BOOST_TEST((found == records{sorted.begin(), sorted.end()}));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(external_sorter)

BOOST_AUTO_TEST_CASE(records_come_by_key_and_equal_ones_as_they_came) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    for (const std::size_t memory_bytes : {1U, 200U, 3'000U, 1'000'000U}) {
        for (const std::size_t key_bytes : {2U, 9U, 40U}) {
            records given;
            for (std::size_t i = 0; i < 3'000; ++i) {
                // Zeros above all: a key that ends in one is above the same without it.
                std::string key = random.bytes(key_bytes);
                std::ranges::replace_if(key, [&](char) { return !random.one_in(4); }, '\0');
                given.emplace_back(std::move(key), std::to_string(i));
            }
            check_sorted(given, memory_bytes);
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
