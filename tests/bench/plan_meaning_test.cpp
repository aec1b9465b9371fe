// Whatever the plan, the rows are those for which the condition holds: on a data set that is large
// enough for the planner to collect, to give up, and to think again. What holds is asked of every
// row by itself.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "storage/query/evaluator.hpp"
#include "tests/bench/shared_dataset.hpp"

namespace pinhole::bench {

namespace {

using query::entity;
using storage::entity_id;

constexpr std::size_t pages_max = 12;

const dataset& shared() {
    static const dataset made{pinhole::test::costs_are_real ? 10'000U : 1'000U};
    return made;
}

std::vector<entity_id> find_by_looking_at_all(const query::list_request& request) {
    const auto reader = shared().store->snapshot(kv::read_mode::blocking);
    const kv::family_id family = query::describe(request.root).family;
    std::vector<std::pair<std::string, entity_id>> found;
    std::optional<kv::key> beyond;
    for (;;) {
        storage::row_reader rows{*reader};
        query::query_budget unlimited{std::numeric_limits<std::uint64_t>::max(), {}};
        query::evaluator evaluate{rows, unlimited};
        const auto read = reader->walk(family, beyond ? &*beyond : nullptr, 2'000);
        std::vector<entity_id> ids;
        ids.reserve(read.size());
        for (const kv::located_row& each : read) {
            ids.push_back(each.part);
        }
        for (const auto& row : query::find_rows(rows, request.root, ids)) {
            if (evaluate.is_visible(*row) && evaluate.holds(request.filter, *row)) {
                found.emplace_back(evaluate.sort_key(request.order, *row), query::id_of(*row));
            }
        }
        if (read.size() < 2'000) {
            break;
        }
        beyond = {read.back().part, family, {}};
    }
    std::ranges::sort(found);
    std::vector<entity_id> ids;
    ids.reserve(found.size());
    for (const auto& [key, id] : found) {
        ids.push_back(id);
    }
    return ids;
}

void check_pages(const asked& page) {
    BOOST_TEST_INFO_SCOPE(page.filter << " ordering=" << page.ordering);
    query::list_request request = shared().request_of(page);
    const auto expected = find_by_looking_at_all(request);
    request.page.rows_read_max = 10'000'000;
    std::vector<entity_id> walked;
    for (std::size_t count = 0; count < pages_max; ++count) {
        const auto answer =
            query::run_list(*shared().store->snapshot(kv::read_mode::blocking), request).value();
        BOOST_TEST_INFO_SCOPE(answer.plan.index);
        for (const auto& row : answer.rows.results) {
            walked.push_back(query::id_of(row));
        }
        request.page.from = answer.rows.next;
        if (!answer.rows.next) {
            BOOST_TEST(walked.size() == expected.size());
            break;
        }
    }
    BOOST_REQUIRE_LE(walked.size(), expected.size());
    BOOST_TEST(std::equal(walked.begin(), walked.end(), expected.begin()));
    request.page.from.reset();
    request.wants_count = true;
    const auto counted =
        query::run_list(*shared().store->snapshot(kv::read_mode::blocking), request).value();
    BOOST_TEST(counted.count.value() == static_cast<std::int64_t>(expected.size()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plan_meaning)

BOOST_AUTO_TEST_CASE(every_plan_finds_what_looking_at_all_rows_finds) {
    for (const char* filter :
         {"likes__user__username=\"kim\"", "likes__user=\"me\" & files__type=\"video\"",
          "likes__user__username=\"kim\" & files__type=\"video\"",
          "comments__author__username=\"kim\" & content__icontains=\"sea\"",
          "comments__content__icontains=\"quokka\"", "comments__created_at__year=2024",
          "author__name__icontains=\"bra\"", "content__icontains=\"low tide\"",
          "content__icontains=\"quokka\" | author__username=\"kim\" | likes__user=\"me\"",
          "like_count__range=[9, 11]", "like_count__gt=3 & author__username=\"popular\"",
          "created_at__year=2025 & created_at__quarter=2 & likes__user__username=\"popular\"",
          "author__username__in=[\"kim\",\"popular\"] & ~files__type=\"image\""}) {
        for (const char* ordering : {"-created_at", "created_at", "-like_count",
                                     "like_count,author__username", "content"}) {
            check_pages({entity::post, filter, ordering});
        }
    }
}

BOOST_AUTO_TEST_CASE(so_do_those_of_other_lists) {
    for (const char* ordering : {"-created_at", "created_at", "content"}) {
        check_pages({entity::comment, "post__author__username=\"kim\"", ordering});
        check_pages(
            {entity::comment, "post__likes__user__username=\"kim\" & author=\"me\"", ordering});
        check_pages({entity::comment, "content__icontains=\"sea\" & post__files__type=\"video\"",
                     ordering});
    }
    check_pages({entity::like, "post__author=\"me\"", "-created_at"});
    check_pages(
        {entity::file, "type=\"video\" & post__author__username=\"popular\"", "created_at"});
    for (const char* ordering : {"username", "-username", "-post_count", "post_count,-username"}) {
        check_pages({entity::user, "name__icontains=\"a\"", ordering});
        check_pages(
            {entity::user, "username__gte=\"m\" & likes__post__files__type=\"video\"", ordering});
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::bench
