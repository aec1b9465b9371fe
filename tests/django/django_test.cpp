// Random queries over random rows, against the original: the same rows in PostgreSQL 15, and Django
// 3.2 asked for what docs/queries.md says that a query means. Ids and their order must be equal. A
// query that fails is shrunk, and only the smallest one is reported.
//
// PINHOLE_TEST_SEED repeats a run, PINHOLE_TEST_DJANGO_QUERIES asks for more.
#include "tests/django/django_process.hpp"
#include "tests/storage/query_comparison.hpp"
#include "tests/storage/random_query.hpp"

namespace pinhole::test {

namespace {

namespace random_rows = storage::test;
using random_rows::naive_query;

constexpr int queries_ordinary = 400;

random_rows::ids_or_fault ask(django_process& django, const naive_query& query) {
    try {
        return django.find(query);
    } catch (const std::exception& refused) {
        return std::unexpected{std::string{refused.what()}};
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(django, *boost::unit_test::precondition(has_django))

BOOST_AUTO_TEST_CASE(random_queries_find_what_django_finds) {
    random_rows::world in;
    BOOST_TEST_MESSAGE(in.seed_text());
    BOOST_TEST_INFO_SCOPE(in.seed_text());
    in.rank_some();
    django_process original{in};
    BOOST_TEST_MESSAGE(original.versions());
    const random_rows::query_comparison compare{
        in, [&](const naive_query& query) { return ask(original, query); }};
    random_rows::query_maker make{in};
    for (int i = random_rows::queries_wanted("PINHOLE_TEST_DJANGO_QUERIES", queries_ordinary);
         i > 0; --i) {
        const auto fault = compare.explain(make.make_query());
        BOOST_REQUIRE_MESSAGE(!fault, fault.value_or(""));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
