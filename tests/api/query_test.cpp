// Filters, expressions, orders and plans over HTTP. What they mean is tested against naive
// evaluation in tests/storage; here it is what a client sees of them.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>
#include <regex>

#include "server/text.hpp"
#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

/// Percent-encodes what a URL may not hold, but leaves what separates its parameters. An expression
/// goes to the end.
std::string encoded(const std::string& readable) {
    constexpr std::string_view expression = "filter=";
    if (const auto at = readable.find(expression); at != std::string::npos) {
        const auto value = at + expression.size();
        return encoded(readable.substr(0, at)) + std::string{expression} +
               http::percent_encode(readable.substr(value));
    }
    std::string url;
    for (const char c : readable) {
        url += std::string_view{"/?&=!,"}.contains(c) ? std::string(1, c)
                                                      : http::percent_encode({&c, 1});
    }
    return url;
}

std::vector<std::string> ids_on(const json& page) {
    return ids_of(page.at("results").get<std::vector<json>>());
}

/// Kim wrote two posts, of which Lee likes the first and wrote about it.
struct two_people {
    api_client kim = shared_server().sign_up();
    api_client lee = shared_server().sign_up();
    json sea = create_post(kim, "The Sea, 100%");
    json hill = create_post(kim, "A hill");
    json like = create_like(lee, sea);
    json comment = create_comment(lee, sea, "wide");

    std::vector<std::string> posts(const std::string& query) {
        return ids_on(lee.get_json(encoded("/api/v1/posts?author=" + kim.id() + query)));
    }
    std::string id(const json& row) const { return text(row, "id"); }
};

using ids = std::vector<std::string>;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(queries, two_people)

BOOST_AUTO_TEST_CASE(filters_and_their_negation_find_rows_by_fields_and_relations) {
    BOOST_TEST(posts("&content__icontains=sea") == ids{id(sea)});
    BOOST_TEST(posts("&content__icontains!=sea") == ids{id(hill)});
    BOOST_TEST(posts("&content__endswith=, 100%") == ids{id(sea)});
    BOOST_TEST(posts("&likes__user=me") == ids{id(sea)});
    BOOST_TEST(posts("&likes__user!=me") == ids{id(hill)});
    BOOST_TEST(posts("&comments__author__username=" + lee.username()) == ids{id(sea)});
    BOOST_TEST(posts("&likes__isnull=true") == ids{id(hill)});
    BOOST_TEST(posts("&like_count=1&comment_count__gt=0") == ids{id(sea)});
    BOOST_TEST(posts("&created_at__year=1999") == ids{});
    BOOST_TEST(posts("&created_at__gte=2020-01-01T00:00:00-08:00") == (ids{id(hill), id(sea)}));
    BOOST_TEST(posts("&id__in=") == ids{});
}

BOOST_AUTO_TEST_CASE(what_becomes_deleted_is_not_there_for_a_filter_either) {
    check_status(lee.remove("/api/v1/comments/" + id(comment)), 204);
    BOOST_TEST(posts("&comments__content=wide") == ids{});
    BOOST_TEST(posts("&comments__isnull=true") == (ids{id(hill), id(sea)}));
    check_status(lee.remove("/api/v1/posts/" + id(sea) + "/like"), 204);
    BOOST_TEST(posts("&likes__user=" + lee.id()) == ids{});
    BOOST_TEST(posts("&like_count=0") == (ids{id(hill), id(sea)}));
}

BOOST_AUTO_TEST_CASE(an_expression_says_what_parameters_cannot) {
    BOOST_TEST(posts(R"(&filter=content="A hill" | likes__user="me")") == (ids{id(hill), id(sea)}));
    BOOST_TEST(posts(R"(&filter=~(content__startswith="The" & ~likes__isnull=true))") ==
               ids{id(hill)});
    const auto answer = lee.get(encoded(R"(/api/v1/posts?filter=content="a" & x=1)"));
    const json problem = check_problem(answer, 400, {{"filter", "invalid_expression"}});
    BOOST_TEST(text(problem.at("errors").front(), "message").starts_with("column 15"));
}

BOOST_AUTO_TEST_CASE(orders_count_and_pages_go_together) {
    BOOST_TEST(posts("&ordering=content") == (ids{id(hill), id(sea)}));
    BOOST_TEST(posts("&ordering=-content") == (ids{id(sea), id(hill)}));
    BOOST_TEST(posts("&ordering=-like_count") == (ids{id(sea), id(hill)}));
    for (const char* ordering :
         {"created_at", "-created_at", "content", "author__username,-like_count"}) {
        const std::string list = encoded("/api/v1/posts?page_size=1&count=true&author=" + kim.id() +
                                         "&ordering=" + ordering);
        const json first = lee.get_json(list);
        BOOST_TEST(first.at("count") == 2);
        BOOST_TEST(first.at("previous").is_null());
        const json second = lee.get_json(text(first, "next"));
        BOOST_TEST(second.at("next").is_null());
        BOOST_TEST(ids_on(first) != ids_on(second));
        BOOST_TEST(ids_on(lee.get_json(text(second, "previous"))) == ids_on(first));
    }
}

BOOST_AUTO_TEST_CASE(a_cursor_is_good_for_its_order_and_filters_alone) {
    const std::string list = "/api/v1/posts?page_size=1&author=" + kim.id();
    const std::string next = text(lee.get_json(list), "next");
    const std::string cursor = next.substr(next.find("cursor="));
    check_status(lee.get(list + "&" + cursor), 200);
    check_status(
        lee.get("/api/v1/posts?page_size=2&explain=true&author=" + kim.id() + "&" + cursor), 200);
    for (const char* other :
         {"&ordering=created_at", "&content=x", "&filter=id%3D1", "&author=me"}) {
        std::string url = list;
        url.append(other).append("&").append(cursor);
        check_problem(lee.get(url), 400, {{"cursor", "invalid_cursor"}});
    }
}

BOOST_AUTO_TEST_CASE(a_plan_says_how_rows_were_found) {
    const auto plan = [&](const std::string& query) {
        return lee.get_json(encoded("/api/v1/" + query + "&explain=true")).at("plan");
    };
    const json by_author = plan("posts?author=" + kim.id() + "&content__contains=e");
    BOOST_TEST(text(by_author, "index") == "posts.author");
    BOOST_TEST(by_author.at("drives") == json::array({"author=" + kim.id()}));
    BOOST_TEST(by_author.at("probes") == json::array({"content__contains=e"}));
    BOOST_TEST(by_author.at("sort") == false);
    BOOST_TEST(by_author.at("rows_returned") == 1);
    BOOST_TEST(by_author.at("micros").get<int>() >= 0);
    BOOST_TEST(text(plan("posts?likes__user=me"), "index") == "likes.user");
    BOOST_TEST(text(plan("users?username=" + kim.username()), "index") == "unique");
    BOOST_TEST(text(plan("likes?user=me&post=" + id(sea)), "index") == "unique post_user");
    BOOST_TEST(text(plan("comments?author=me&post=" + id(sea)), "index") == "comments.post_author");
    BOOST_TEST(text(plan("posts?created_at__date=2025-01-31"), "bounds") ==
               "2025-01-31T00:00:00.000000Z … 2025-01-31T23:59:59.999999Z");
    BOOST_TEST(plan("posts?author=" + kim.id() + "&ordering=content").at("sort") == true);
    BOOST_TEST(!lee.get_json("/api/v1/posts?page_size=1").contains("plan"));
}

BOOST_AUTO_TEST_CASE(a_secret_has_no_name) {
    for (const char* name :
         {"password", "password__startswith", "is_staff", "posts__author__password"}) {
        check_problem(lee.get("/api/v1/users?" + std::string{name} + "=x"), 400,
                      {{name, "unknown_parameter"}});
    }
    check_problem(lee.get("/api/v1/posts?ordering=author__password"), 400,
                  {{"ordering", "unknown_order"}});
}

BOOST_AUTO_TEST_CASE(a_query_that_reads_too_much_is_refused_with_its_plan) {
    auto options = without_rate_limits();
    options.rows_read_max = 10;
    api_server server(options);
    auto user = server.sign_up();
    for (int i = 0; i < 30; ++i) {
        create_post(user);
    }
    const auto answer = user.get("/api/v1/posts?page_size=1&content__regex=nothing");
    check_status(answer, 422);
    const json problem = json::parse(answer.body);
    BOOST_TEST(text(problem, "detail").contains("more than 10 rows"));
    BOOST_TEST(text(problem, "detail").contains("content__regex=nothing"));
    BOOST_TEST(text(problem.at("plan"), "index") == "posts.newest");
    BOOST_TEST(problem.at("plan").at("rows_read").get<int>() > 10);
}

BOOST_AUTO_TEST_CASE(a_query_that_takes_too_long_is_refused_with_its_plan) {
    auto options = without_rate_limits();
    options.query_time_max = std::chrono::milliseconds{0};
    api_server server(options);
    auto user = server.sign_up();
    for (int i = 0; i < 10; ++i) {
        create_post(user, std::string(200, 'a'));
    }
    // What is done in less time than the clock is looked at goes through.
    check_status(user.get("/api/v1/posts"), 200);
    const auto answer = user.get("/api/v1/posts?content__regex=(a%7Caa)%7B50%7Dc");
    check_status(answer, 422);
    const json problem = json::parse(answer.body);
    BOOST_TEST(text(problem, "detail").contains("takes longer"));
    BOOST_TEST(text(problem, "detail").contains("content__regex"));
    BOOST_TEST(text(problem.at("plan"), "index") == "posts.newest");
}

BOOST_AUTO_TEST_CASE(every_example_of_the_documentation_works) {
    std::ifstream file(PINHOLE_QUERIES_MD);
    BOOST_TEST_REQUIRE(file.is_open());
    const std::regex example("`(/(?:users|posts|files|comments|likes)\\?[^`]*)`");
    int examples = 0;
    for (std::string line; std::getline(file, line);) {
        for (std::sregex_iterator at(line.begin(), line.end(), example), end; at != end; ++at) {
            // In a table's cell a bar is written with a backslash.
            std::string query = std::regex_replace(at->str(1), std::regex("\\\\\\|"), "|");
            BOOST_TEST_CONTEXT(query) {
                check_status(lee.get("/api/v1" + encoded(query)), 200);
            }
            ++examples;
        }
    }
    BOOST_TEST(examples > 15);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
