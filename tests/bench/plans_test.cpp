// The plan of each natural page, and what it reads, where a wrong one would show: in 100,000 posts.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/bench/shared_dataset.hpp"

namespace pinhole::bench {

namespace {

using query::entity;

/// Made once: it takes a minute.
const dataset& shared() {
    static const dataset made{pinhole::test::costs_are_real ? 100'000U : 3'000U};
    return made;
}

std::string of(storage::entity_id id) {
    return std::to_string(id);
}

void check_plan(const asked& page, const std::string& index) {
    const auto answer = shared().run(page);
    BOOST_TEST_INFO_SCOPE(page.filter << " ordering=" << page.ordering << " bounds "
                                      << answer.plan.bounds);
    BOOST_TEST(answer.plan.index == index);
    BOOST_TEST(!answer.plan.sorts);
    BOOST_TEST(answer.plan.probes.empty());
    BOOST_TEST(answer.plan.rows_returned > 0U);
    BOOST_TEST(answer.plan.rows_read <= 3 * answer.plan.rows_returned + 50);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(plans)

BOOST_AUTO_TEST_CASE(natural_pages_read_little_more_than_they_show) {
    const dataset_names& names = shared().names;
    check_plan({}, "posts.newest");
    check_plan({.ordering = "created_at"}, "posts.newest");
    check_plan({.filter = "author=" + of(names.popular)}, "posts.author");
    check_plan({.filter = "author__username=\"kim\""}, "posts.author");
    check_plan({.filter = "files__type=\"video\""}, "posts.files__type");
    check_plan({.filter = "files__type=\"image\" & author=" + of(names.popular)},
               "posts.author & posts.files__type");
    check_plan({.ordering = "-like_count"}, "posts.like_count");
    check_plan({.ordering = "-comment_count"}, "posts.comment_count");
    check_plan({.filter = "like_count__gt=2", .ordering = "like_count"}, "posts.like_count");
    check_plan({.filter = "created_at__year=2025 & created_at__month=3"}, "posts.newest");
    check_plan({.filter = "created_at__date=\"2025-03-14\""}, "posts.newest");
    check_plan({.filter = "author__in=[" + of(names.popular) + "," + of(names.middling) + "]"},
               "posts.author");
    for (const char* ordering : {"-created_at", "created_at"}) {
        check_plan({entity::comment, "post=" + of(names.popular_post), ordering}, "comments.post");
        check_plan({entity::like, "post=" + of(names.popular_post), ordering}, "likes.post");
    }
    check_plan({.root = entity::file, .filter = "type=\"video\""}, "files.type");
    check_plan({.root = entity::user}, "users.newest");
    check_plan({.root = entity::user, .ordering = "username"}, "users.username");
    check_plan({.root = entity::user, .ordering = "-post_count"}, "users.post_count");
}

BOOST_AUTO_TEST_CASE(one_row_is_one_read) {
    const dataset_names& names = shared().names;
    const auto by_name = shared().run({.root = entity::user, .filter = "username=\"kim\""}).plan;
    BOOST_TEST(by_name.index == "unique");
    BOOST_TEST(by_name.rows_read == 2U);
    const auto by_id = shared().run({.filter = "id=" + of(names.popular_post)}).plan;
    BOOST_TEST(by_id.index == "ids");
    BOOST_TEST(by_id.rows_read == 2U);
    const auto pair =
        shared()
            .run({.root = entity::like, .filter = "user=\"me\" & post=" + of(names.popular_post)})
            .plan;
    BOOST_TEST(pair.index == "unique post_user");
    BOOST_TEST(pair.rows_read <= 5U);
}

BOOST_AUTO_TEST_CASE(a_search_reads_about_what_it_finds) {
    for (const char* word : {"sea", "quokka", "low tide"}) {
        const auto plan =
            shared().run({.filter = "content__icontains=\"" + std::string{word} + "\""}).plan;
        BOOST_TEST_INFO_SCOPE(word);
        BOOST_TEST(plan.index == "posts.content");
        BOOST_TEST(plan.rows_read <= 20 * plan.rows_returned + 1'000);
    }
}

BOOST_AUTO_TEST_CASE(a_relation_drives_where_it_leads_to_fewer_rows_than_a_walk_would_read) {
    const auto few = shared().run({.filter = "likes__user=\"me\""}).plan;
    BOOST_TEST(few.index == "likes.user");
    BOOST_TEST(few.rows_read <= 2'000U);
    const auto rare = shared().run({.filter = "comments__content__icontains=\"quokka\""}).plan;
    BOOST_TEST(rare.index == "comments");
    BOOST_TEST(rare.rows_read <= 200U);
    const auto many = shared().run({.filter = "likes__created_at__year__gte=2024"}).plan;
    BOOST_TEST(many.index == "posts.newest");
    BOOST_TEST(many.rows_read <= 2'000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::bench
