// Random queries over random rows with deletions at every level, against an evaluator that keeps
// all rows in memory, follows relations by looking at every row, and shares no code with the query
// engine. A query that fails is shrunk, and only the smallest one is reported. PINHOLE_TEST_SEED
// repeats a run, PINHOLE_TEST_QUERIES asks for more.
#include "tests/storage/query_comparison.hpp"
#include "tests/storage/random_query.hpp"
#include "tests/storage/shrink_query.hpp"

namespace pinhole::storage::test {

namespace {

constexpr int queries_ordinary = 3'000;

/// The query with every lookup of this name taken for another one.
naive_query mistaken(naive_query query, const std::string& lookup, const std::string& taken_for) {
    const auto mistake = [&](auto&& self, naive_condition& of) -> void {
        of.test.lookup = of.test.lookup == lookup ? taken_for : of.test.lookup;
        for (naive_condition& part : of.parts) {
            self(self, part);
        }
    };
    for (naive_filter& filter : query.filters) {
        mistake(mistake, filter.condition);
    }
    return query;
}

/// A random query that fails where the naive side mistakes one lookup for another, shrunk.
naive_query smallest_with_mistake(world& in, const std::string& lookup,
                                  const std::string& taken_for) {
    const query_comparison compare{
        in, [&](const naive_query& query) { return in.find(mistaken(query, lookup, taken_for)); }};
    query_maker make{in};
    constexpr int tries_max = 20'000;
    for (int i = 0; i < tries_max; ++i) {
        const naive_query query = make.make_query();
        // The ones with much to take away.
        if (query.filters.size() > 1 && compare.fails(query)) {
            return compare.shrink(query);
        }
    }
    BOOST_FAIL("no query shows that " << lookup << " is not " << taken_for);
    return {};
}

std::size_t tests_in(const naive_condition& of) {
    std::size_t count = of.what == 't' ? 1 : 0;
    for (const naive_condition& part : of.parts) {
        count += tests_in(part);
    }
    return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(query_differential)

BOOST_AUTO_TEST_CASE(random_queries_find_what_is_found_naively) {
    world in;
    BOOST_TEST_INFO_SCOPE(in.seed_text());
    in.rank_some();
    const query_comparison compare{in, [&](const naive_query& query) { return in.find(query); }};
    query_maker make{in};
    for (int i = queries_wanted("PINHOLE_TEST_QUERIES", queries_ordinary); i > 0; --i) {
        const auto fault = compare.explain(make.make_query());
        BOOST_REQUIRE_MESSAGE(!fault, fault.value_or(""));
    }
}

/// A deleted post is asked as if it were there: what hangs under it, and leads back to it, is, too.
BOOST_AUTO_TEST_CASE(random_queries_of_deleted_posts_find_what_is_found_naively) {
    constexpr int worlds = 5;
    const int queries = queries_wanted("PINHOLE_TEST_QUERIES", queries_ordinary) / worlds;
    for (int number = 0; number < worlds; ++number) {
        world in;
        BOOST_TEST_INFO_SCOPE(in.seed_text());
        const query_comparison compare{in,
                                       [&](const naive_query& query) { return in.find(query); }};
        query_maker make{in};
        for (int i = 0; i < queries; ++i) {
            naive_query query = make.make_query();
            if (query.list == "posts") {
                query.order.clear();
                query.of_deleted = true;
                const auto fault = compare.explain(query);
                BOOST_REQUIRE_MESSAGE(!fault, fault.value_or(""));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_mistaken_lookup_is_found_and_shrunk_to_one_test) {
    world in;
    BOOST_TEST_INFO_SCOPE(in.seed_text());
    for (const auto& [lookup, taken_for] :
         {std::pair{"gt", "gte"}, std::pair{"icontains", "contains"}}) {
        const naive_query smallest = smallest_with_mistake(in, lookup, taken_for);
        BOOST_TEST_CONTEXT(test::to_text(smallest)) {
            BOOST_TEST_REQUIRE(smallest.filters.size() == 1U);
            BOOST_TEST(tests_in(smallest.filters.front().condition) == 1U);
            BOOST_TEST(test::to_text(smallest).contains(std::string{"__"} + lookup));
            BOOST_TEST(!smallest.filters.front().is_expression);
            BOOST_TEST(smallest.order.empty());
            BOOST_TEST(!smallest.wants_count);
            BOOST_TEST(smallest.page_size == 20U);
        }
    }
}

BOOST_AUTO_TEST_CASE(random_queries_are_neither_empty_nor_everything_too_often) {
    world in;
    BOOST_TEST_INFO_SCOPE(in.seed_text());
    query_maker make{in};
    constexpr int queries = 2'000;
    int some = 0;
    int empty = 0;
    for (int i = 0; i < queries; ++i) {
        const naive_query query = make.make_query();
        const std::size_t found = in.find(query).size();
        const std::size_t all = in.find({.list = query.list, .filters = {}, .order = {}}).size();
        empty += found == 0 ? 1 : 0;
        some += found > 0 && found < all ? 1 : 0;
    }
    BOOST_TEST_MESSAGE(some << " of " << queries << " find some rows, " << empty << " none");
    BOOST_TEST(some > queries / 5);
    BOOST_TEST(empty < queries * 3 / 5);
}

BOOST_AUTO_TEST_CASE(shrinking_keeps_to_queries_that_the_api_takes_and_that_fail) {
    world in;
    BOOST_TEST_INFO_SCOPE(in.seed_text());
    query_maker make{in};
    for (int i = 0; i < 200; ++i) {
        const naive_query query = make.make_query();
        for (const naive_query& smaller : smaller_queries(query)) {
            const auto request = to_request(smaller, me);
            BOOST_TEST_REQUIRE(request.has_value(), test::to_text(smaller));
        }
        const auto is_long = [](const naive_query& each) {
            return test::to_text(each).size() > 60;
        };
        if (is_long(query)) {
            BOOST_TEST(is_long(shrink_query(query, is_long)));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(naive_patterns)

BOOST_AUTO_TEST_CASE(a_pattern_matches_what_it_says) {
    const auto matches = [](const char* pattern, const char* text) {
        return matches_pattern(text, pattern);
    };
    BOOST_TEST(matches("", ""));
    BOOST_TEST(matches("b", "abc"));
    BOOST_TEST(!matches("^b", "abc"));
    BOOST_TEST(matches("^a.c$", "a바c"));
    BOOST_TEST(matches("a.*c$", "a\n\nc"));
    BOOST_TEST(!matches("b$", "abc"));
    BOOST_TEST(matches("[x바]다*$", "바다다"));
    BOOST_TEST(matches("^\\$1\\.5", "$1.50"));
    BOOST_TEST(!matches("\\$$", "$ "));
    BOOST_TEST(matches("\\\\$", "a\\"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
