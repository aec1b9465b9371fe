// What a query may cost besides the rows it reads.
#include <chrono>
#include <nlohmann/json.hpp>

#include "storage/query/list_query.hpp"
#include "storage/query/parse.hpp"
#include "tests/storage/storage_fixture.hpp"
#include "tests/support/sanitizers.hpp"

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;
constexpr int posts_count = 400;

struct long_texts {
    long_texts() {
        create(*store, make_user(kim, "kim"));
        kv::commit commit;
        for (entity_id number = 0; number < posts_count; ++number) {
            post row = make_post(100 + 2 * number, kim, number);
            row.content = std::string(2'200, 'a');
            append_create(commit, row);
        }
        must_commit(*store, std::move(commit));
    }

    struct budget {
        std::uint32_t size = 20;
        std::uint64_t rows_read_max = 100'000;
        std::chrono::nanoseconds time = std::chrono::milliseconds{150};
    };

    result<query::list_answer> run(const std::string& filter, const budget& budget) const {
        query::list_request request{.root = query::entity::post, .me = kim};
        request.page.size = budget.size;
        request.page.rows_read_max = budget.rows_read_max;
        request.page.processor_time_max = budget.time;
        request.filter = query::parse_expression({query::entity::post, kim}, filter).value();
        request.order = query::parse_ordering({query::entity::post, kim}, "-created_at").value();
        return query::run_list(*store->snapshot(kv::read_mode::blocking), request);
    }
    result<query::list_answer> run(const std::string& filter) const { return run(filter, {}); }

    pinhole::test::temporary_directory directory;
    std::unique_ptr<kv::store> store = open_store(directory.path());
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(query_costs, long_texts)

BOOST_AUTO_TEST_CASE(a_laborious_pattern_is_given_up) {
    const auto begun = std::chrono::steady_clock::now();
    const auto answer = run(R"(content__regex="(a|aa?){300}c")");
    const auto taken = std::chrono::steady_clock::now() - begun;
    BOOST_REQUIRE(!answer.has_value());
    BOOST_TEST((answer.error().code == error_code::too_expensive));
    BOOST_TEST(answer.error().message.contains("takes longer"), answer.error().message);
    if (pinhole::test::costs_are_real) {
        BOOST_TEST((taken < std::chrono::seconds{10}));
    }
}

/// However quick a machine is: with no time at all, what is not charged for is not given up.
BOOST_AUTO_TEST_CASE(many_comparisons_of_long_texts_are_given_up) {
    const budget no_time{.time = std::chrono::nanoseconds{0}};
    std::string filter = R"(content__icontains="b")";
    for (int i = 1; i < 90; ++i) {
        filter += R"( | content__icontains="b")";
    }
    const auto answer = run(filter, no_time);
    BOOST_REQUIRE(!answer.has_value());
    BOOST_TEST(answer.error().message.contains("takes longer"), answer.error().message);

    BOOST_TEST(run(R"(author__username="kim")", no_time).value().rows.results.size() == 20U);
}

BOOST_AUTO_TEST_CASE(the_smallest_budget_is_used_up) {
    const auto answer = run(R"(content__regex="^b")", {.size = 1, .rows_read_max = 1});
    BOOST_REQUIRE(!answer.has_value());
    BOOST_TEST(answer.error().message.contains("more than 1 rows"), answer.error().message);
}

BOOST_AUTO_TEST_CASE(no_scan_reads_much_more_than_the_budget) {
    // None of the posts is ranked yet: all of their marks would be read at once.
    query::list_request request{.root = query::entity::post, .me = kim};
    request.page.size = 1;
    request.page.rows_read_max = 1;
    request.order = query::parse_ordering({query::entity::post, kim}, "-like_count").value();
    const auto answer = query::run_list(*store->snapshot(kv::read_mode::blocking), request);
    BOOST_REQUIRE(!answer.has_value());
    const auto plan = nlohmann::json::parse(answer.error().plan);
    BOOST_TEST(plan.at("rows_read").get<int>() < posts_count / 4);
}

BOOST_AUTO_TEST_CASE(an_ordinary_one_is_not) {
    BOOST_TEST(run(R"(content__regex="^a+$")").value().rows.results.size() == 20U);
    BOOST_TEST(run(R"(content__icontains="b")").value().rows.results.empty());
}

BOOST_AUTO_TEST_CASE(a_huge_pattern_is_refused_at_once) {
    for (const char* pattern : {"(.?){900}z", ".{1000}", "(a?){500}(a?){500}(a?){500}(a?){500}"}) {
        const std::string filter = std::string{"content__regex=\""} + pattern + '"';
        const auto parsed = query::parse_expression({query::entity::post, kim}, filter);
        BOOST_REQUIRE(!parsed.has_value());
        BOOST_TEST(parsed.error().fields.front().message.contains("too large"),
                   parsed.error().fields.front().message);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
