// The posting sorter against std::set, with so little memory that it spills again and again, and
// with all that it needs.
#include "storage/dump/posting_sorter.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

/// A place, and the numbers of its terms.
struct posting_row {
    std::string place;
    std::set<std::size_t> terms;
};

/// None is the beginning of another: each ends as no other byte of it is. Some are long.
std::string term_of(std::size_t number) {
    std::string term = std::to_string(number);
    if (number % 16 == 0) {
        term.insert(0, number % 7, '\0');
        term.append(number % 300, '\x01');
    }
    return term += '\xff';
}

std::vector<posting_row> random_rows(generator& random, std::size_t count, bool in_order) {
    std::set<std::string> places;
    while (places.size() < count) {
        std::string place(dump::posting_sorter::place_bytes, '\0');
        for (char& byte : place) {
            byte = static_cast<char>(random.one_in(3) ? random.pick(256) : random.pick(2) * 255);
        }
        places.insert(std::move(place));
    }
    std::vector<posting_row> rows;
    for (const std::string& place : places) {
        rows.push_back({place, {}});
        for (std::size_t terms = random.pick(20); terms > 0; --terms) {
            // Some terms in most rows, most in few.
            rows.back().terms.insert(random.pick(random.pick(500) + 1));
        }
    }
    if (!in_order) {
        std::ranges::shuffle(rows, random.engine());
    }
    return rows;
}

void check_sorted(const std::vector<posting_row>& rows, std::size_t memory_bytes) {
    const pinhole::test::temporary_directory directory;
    dump::posting_sorter sorter{directory.path(), memory_bytes};
    std::set<std::string> expected;
    for (const posting_row& row : rows) {
        sorter.begin_row(row.place);
        for (const std::size_t term : row.terms) {
            sorter.add(term_of(term));
            expected.insert(term_of(term) + row.place);
        }
        for (const std::size_t term : row.terms) {
            sorter.add(term_of(term));  // once more is no more
        }
    }
    BOOST_TEST(sorter.size() == expected.size());
    BOOST_TEST(fs::is_empty(directory.path()));  // what is spilled has no name
    sorter.finish();
    auto next = expected.begin();
    while (const auto key = sorter.next()) {
        BOOST_REQUIRE((next != expected.end() && *key == *next));
        ++next;
    }
    BOOST_TEST((next == expected.end()));
    BOOST_TEST(!sorter.next().has_value());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(posting_sorter)

BOOST_AUTO_TEST_CASE(keys_come_in_order_whatever_the_order_of_the_rows) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    for (const bool in_order : {true, false}) {
        for (const std::size_t memory_bytes : {1U, 2'000U, 100'000U, 10'000'000U}) {
            check_sorted(random_rows(random, 700, in_order), memory_bytes);
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_and_rows_without_terms_are_sorted) {
    const std::string place(dump::posting_sorter::place_bytes, '\x01');
    check_sorted({}, 100);
    check_sorted({{place, {}}}, 100);
    check_sorted({{place, {}}, {std::string(16, '\0'), {3}}, {std::string(16, '\xff'), {}}}, 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
