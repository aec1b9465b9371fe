// Lists page by page: every row once, back and forth, whatever happens meanwhile.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

struct commented_post {
    api_client user = shared_server().sign_up();
    json post = create_post(user);
    std::string list = "/api/v1/comments?post=" + text(post, "id");

    std::vector<std::string> add_comments(int count) {
        std::vector<std::string> ids;
        ids.reserve(static_cast<std::size_t>(count));
        for (int i = 0; i < count; ++i) {
            ids.push_back(text(create_comment(user, post, std::to_string(i)), "id"));
        }
        return ids;
    }

    void check_bad_cursor(api_client& client, const std::string& url) {
        check_problem(client.get(url), 400, {{"cursor", "invalid_cursor"}});
    }
};

std::string cursor_of(const std::string& url) {
    return url.substr(url.find("cursor=") + 7);
}

std::vector<std::string> ids_on(const json& page) {
    return ids_of(page.at("results").get<std::vector<json>>());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(paging, commented_post)

BOOST_AUTO_TEST_CASE(pages_are_newest_first_and_lead_back) {
    auto ids = add_comments(10);
    std::ranges::reverse(ids);
    const json first = user.get_json(list + "&page_size=4");
    check_page(first);
    BOOST_TEST(first.at("previous").is_null());
    const json second = user.get_json(text(first, "next"));
    const json third = user.get_json(text(second, "next"));
    BOOST_TEST(third.at("next").is_null());
    auto all = ids_on(first);
    std::ranges::copy(ids_on(second), std::back_inserter(all));
    std::ranges::copy(ids_on(third), std::back_inserter(all));
    BOOST_TEST(all == ids, boost::test_tools::per_element());

    const json back = user.get_json(text(third, "previous"));
    BOOST_TEST(ids_on(back) == ids_on(second), boost::test_tools::per_element());
    const json front = user.get_json(text(back, "previous"));
    BOOST_TEST(ids_on(front) == ids_on(first), boost::test_tools::per_element());
    BOOST_TEST(front.at("previous").is_null());
    BOOST_TEST(ids_on(user.get_json(text(front, "next"))) == ids_on(second),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_last_page_that_is_just_full_has_no_next) {
    add_comments(6);
    const json first = user.get_json(list + "&page_size=3");
    const json second = user.get_json(text(first, "next"));
    BOOST_TEST(ids_on(second).size() == 3U);
    BOOST_TEST(second.at("next").is_null());
    BOOST_TEST(user.get_json(list + "&page_size=6").at("next").is_null());
}

BOOST_AUTO_TEST_CASE(a_page_whose_rows_went_meanwhile_still_leads_back) {
    const auto ids = add_comments(4);
    const json first = user.get_json(list + "&page_size=2");
    for (const std::string& old : {ids.at(0), ids.at(1)}) {
        check_status(user.remove("/api/v1/comments/" + old), 204);
    }
    const json empty = user.get_json(text(first, "next"));
    BOOST_TEST(ids_on(empty).empty());
    BOOST_TEST(empty.at("next").is_null());
    BOOST_TEST(ids_on(user.get_json(text(empty, "previous"))) == ids_on(first),
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(walking_shows_lasting_rows_once_while_others_come_and_go) {
    std::vector<std::string> lasting;
    std::vector<std::string> passing;
    for (int i = 0; i < 40; ++i) {
        auto& into = i % 2 == 0 ? lasting : passing;
        into.push_back(text(create_comment(user, post), "id"));
    }
    std::map<std::string, int> seen;
    std::atomic<bool> done = false;
    run_parallel(3, [&](unsigned index) {
        auto client = shared_server().connect();
        client.set_token(user.token());
        if (index == 0) {
            // On the walker's own thread; the checks inside would not be safe beside others'.
            for (std::string url = list + "&page_size=3"; !url.empty();) {
                const json page = json::parse(client.get(url).body);
                for (const json& row : page.at("results")) {
                    ++seen[text(row, "id")];
                }
                url = page.at("next").is_null() ? "" : text(page, "next");
            }
            done = true;
        }
        for (std::size_t i = 0; index == 1 && i < passing.size(); ++i) {
            client.remove("/api/v1/comments/" + passing[i]);
        }
        while (index == 2 && !done) {
            client.post(path_of_post(post) + "/comments", {{"content", "new"}});
        }
    });
    for (const std::string& id : lasting) {
        BOOST_TEST(seen[id] == 1);
    }
    for (const auto& [id, times] : seen) {
        BOOST_TEST(times <= 1, id);
    }
}

BOOST_AUTO_TEST_CASE(page_size_has_limits) {
    add_comments(21);
    BOOST_TEST(ids_on(user.get_json(list)).size() == 20U);
    BOOST_TEST(ids_on(user.get_json(list + "&page_size=1")).size() == 1U);
    BOOST_TEST(ids_on(user.get_json(list + "&page_size=100")).size() == 21U);
    for (const char* size :
         {"0", "101", "-1", "", "ten", "1.0", "+5", "1e1", "99999999999", "20%20"}) {
        BOOST_TEST_CONTEXT(size) {
            check_problem(user.get(list + "&page_size=" + size), 400,
                          {{"page_size", "invalid_page_size"}});
        }
    }
    BOOST_TEST(text(user.get_json(list + "&page_size=7"), "next").contains("page_size=7"));
}

BOOST_AUTO_TEST_CASE(cursors_are_bound_to_their_list_filters_and_reader) {
    add_comments(3);
    const json other_post = create_post(user);
    const std::string cursor = cursor_of(text(user.get_json(list + "&page_size=1"), "next"));
    check_status(user.get(list + "&cursor=" + cursor), 200);
    check_bad_cursor(user, "/api/v1/comments?cursor=" + cursor);
    check_bad_cursor(user, "/api/v1/comments?post=" + text(other_post, "id") + "&cursor=" + cursor);
    check_bad_cursor(user, list + "&author=me&cursor=" + cursor);
    check_bad_cursor(user, "/api/v1/likes?post=" + text(post, "id") + "&cursor=" + cursor);
    auto other = shared_server().sign_up();
    check_bad_cursor(other, list + "&cursor=" + cursor);
    for (std::size_t i = 0; i < cursor.size(); i += 3) {
        std::string tampered = cursor;
        tampered[i] = tampered[i] == 'A' ? 'B' : 'A';
        check_bad_cursor(user, list + "&cursor=" + tampered);
    }
    for (const std::string& garbage :
         {std::string(), std::string("x"), cursor.substr(1), cursor + "A", std::string(3000, 'A'),
          cursor + std::string(7'000, 'A'), std::string(7'000, '_'), std::string("null")}) {
        check_bad_cursor(user, list + "&cursor=" + garbage);
    }
}

BOOST_AUTO_TEST_CASE(filters_take_ids_and_me_where_it_fits) {
    check_problem(
        user.get("/api/v1/comments?post=me&author=you&page_size=0"), 400,
        {{"post", "invalid_id"}, {"author", "invalid_id"}, {"page_size", "invalid_page_size"}});
    check_problem(user.get("/api/v1/posts?author="), 400, {{"author", "invalid_id"}});
    check_problem(user.get("/api/v1/posts?author=me&is_deleted=yes"), 400,
                  {{"is_deleted", "invalid_boolean"}});
    check_problem(user.get("/api/v1/posts?page_size=2&page_size=2"), 400,
                  {{"page_size", "repeated"}});
    const auto nothing = user.get_json("/api/v1/comments?post=4611686018427387904");
    BOOST_TEST(ids_on(nothing).empty());
    BOOST_TEST(nothing.at("next").is_null());
}

BOOST_AUTO_TEST_CASE(the_longest_texts_make_no_url_that_is_too_long) {
    auto author = shared_server().sign_up();
    std::string longest;
    for (int i = 0; i < 2'199; ++i) {
        longest += "\U0001F600";
    }
    std::vector<std::string> contents;
    for (const char* end : {"a", "b", "c", "d"}) {
        contents.push_back(longest + end);
        create_post(author, contents.back());
    }
    const std::string url =
        "/api/v1/posts?page_size=1&ordering=-content,author__name&author=" + author.id();
    json page = author.get_json(url);
    std::vector<std::string> seen;
    for (;;) {
        seen.push_back(text(page.at("results").at(0), "content"));
        if (page.at("next").is_null()) {
            break;
        }
        BOOST_REQUIRE_LT(text(page, "next").size(), 2'000U);
        page = author.get_json(text(page, "next"));
    }
    std::ranges::reverse(contents);
    BOOST_TEST(seen == contents, boost::test_tools::per_element());
    for (std::size_t i = contents.size() - 1; i > 0; --i) {
        page = author.get_json(text(page, "previous"));
        BOOST_TEST(text(page.at("results").at(0), "content") == contents[i - 1]);
    }
    BOOST_TEST(page.at("previous").is_null());
}

BOOST_AUTO_TEST_CASE(a_query_leaves_room_for_a_cursor) {
    create_post(user);
    create_post(user);
    const auto url_of = [](std::size_t bytes) {
        return "/api/v1/posts?page_size=1&content__lt=" + std::string(bytes, '~');
    };
    constexpr std::size_t longest = 7 * 1024 - std::string_view("page_size=1&content__lt=&").size();
    const json page = user.get_json(url_of(longest));
    check_status(user.get(text(page, "next")), 200);
    check_problem(user.get(url_of(longest + 2)), 400, {{"query", "too_long"}});
}

BOOST_AUTO_TEST_CASE(every_list_pages) {
    auto fan = shared_server().sign_up();
    for (int i = 0; i < 3; ++i) {
        const json more = create_post(user, "more", 2);
        create_like(fan, more);
        create_comment(fan, more);
    }
    const json last = create_post(user, "files", 5);
    for (const std::string& url :
         {std::string("/api/v1/users?page_size=1"), "/api/v1/posts?page_size=1&author=" + user.id(),
          "/api/v1/files?page_size=2&post=" + text(last, "id"),
          "/api/v1/comments?page_size=1&author=" + fan.id(),
          "/api/v1/likes?page_size=1&user=" + fan.id(), std::string("/api/v1/posts?page_size=2"),
          std::string("/api/v1/files?page_size=3"), std::string("/api/v1/comments?page_size=2"),
          std::string("/api/v1/likes?page_size=1")}) {
        BOOST_TEST_CONTEXT(url) {
            const json first = user.get_json(url);
            BOOST_TEST_REQUIRE(first.at("next").is_string());
            const json second = user.get_json(text(first, "next"));
            BOOST_TEST(ids_on(user.get_json(text(second, "previous"))) == ids_on(first),
                       boost::test_tools::per_element());
            auto ids = ids_of(walk(user, url));
            BOOST_TEST(std::ranges::is_sorted(
                ids, [](const auto& a, const auto& b) { return std::stoll(a) > std::stoll(b); }));
            std::ranges::sort(ids);
            BOOST_TEST((std::ranges::adjacent_find(ids) == ids.end()));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
