// query and stats: what they say is what the API says.
#include "tests/admin/admin_fixture.hpp"

namespace pinhole::test {

namespace {

/// The API's page and the tool's are one and the same, but for where other pages are.
void check_same(const admin_fixture& fixture, api_client& client, const std::string& query) {
    BOOST_TEST_INFO_SCOPE(query);
    const json api = client.get_json("/api/v1/" + query);
    const json tool = fixture.must_json({"query", query, "--as", client.username()});
    BOOST_TEST(tool["results"] == api["results"]);
    BOOST_TEST(tool["has_more"].get<bool>() == !api["next"].is_null());
    BOOST_TEST(tool.contains("count") == api.contains("count"));
    if (api.contains("count")) {
        BOOST_TEST(tool["count"] == api["count"]);
    }
}

struct people : admin_fixture {
    people() {
        start();
        kim.emplace(sign_up(port, "kim"));
        lee.emplace(sign_up(port, "lee"));
        sea = create_post(*kim, "바다 and the sea", 2);
        tide = create_post(*kim, "low tide");
        other = create_post(*lee, "a \x1b[31mred\x1b[0m one\nwith \xE2\x80\xAEturned text");
        create_like(*lee, sea);
        create_comment(*lee, sea, "what a light!");
        check_status(kim->remove(path_of_post(create_post(*kim, "gone"))), 204);
    }

    std::optional<api_client> kim;
    std::optional<api_client> lee;
    json sea;
    json tide;
    json other;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(queries, people)

BOOST_AUTO_TEST_CASE(a_query_finds_what_the_api_finds) {
    const std::vector<std::string> queries{
        "users",
        "posts",
        "posts?page_size=1",
        "posts?like_count__gt=0&ordering=-created_at",
        "posts?author=me",
        "posts?author__username=" + lee->username() + "&count=true",
        "posts?likes__user=me",
        "posts?content__icontains=%EB%B0%94%EB%8B%A4",
        "posts?content__icontains=low+tide",
        "posts?filter=like_count=0%26~content__icontains=%22tide%22",
        "posts?author=me&is_deleted=true",
        "files?type=image&ordering=size",
        "comments?post=" + text(sea, "id"),
        "likes",
    };
    for (const std::string& query : queries) {
        check_same(*this, *kim, query);
        check_same(*this, *lee, query);
    }
    stop();
    BOOST_TEST(must_json({"query", "posts?count=true"})["count"] == 3);
    BOOST_TEST(must_json({"query", "posts", "--as", kim->username()})["results"].size() == 3U);
}

BOOST_AUTO_TEST_CASE(a_table_tells_objects_apart) {
    const std::string posts = must({"query", "posts?ordering=created_at"});
    const std::string id = text(sea, "id");
    BOOST_TEST(posts.contains("Post " + id + " by " + kim->username() +
                              ": \"바다 and the sea\" · 2 files · 1 like · 1 comment\n"));
    BOOST_TEST(posts.contains("\"low tide\" · 1 file · 0 likes\n"));
    BOOST_TEST(std::ranges::count(posts, '\n') == 3);
    // What a user writes does not reach the terminal as it is.
    BOOST_TEST(!posts.contains('\x1b'));
    BOOST_TEST(!posts.contains("\xE2\x80\xAE"));
    BOOST_TEST(posts.contains("a \xEF\xBF\xBD[31mred"));
    BOOST_TEST(must({"query", "users?username=" + kim->username()})
                   .contains("User " + kim->id() + " @" + kim->username()));
    BOOST_TEST(
        must({"query", "comments"})
            .contains(" by " + lee->username() + " on post " + id + ": \"what a light!\"\n"));
    BOOST_TEST(must({"query", "likes"}).contains(" by " + lee->username() + " of post " + id));
    BOOST_TEST(must({"query", "files?post=" + id}).contains(" of post " + id + ": image/jpeg "));
}

BOOST_AUTO_TEST_CASE(deleted_ones_are_shown_where_they_are_asked_for) {
    BOOST_TEST(!must({"query", "posts"}).contains("deleted"));
    const std::string all = must({"query", "posts?include_deleted=true"});
    BOOST_TEST(all.contains("\"gone\" · 1 file · 0 likes · deleted\n"));
}

BOOST_AUTO_TEST_CASE(all_pages_are_followed) {
    const json first = must_json({"query", "posts?page_size=1&ordering=id"});
    BOOST_TEST(first["results"].size() == 1U);
    BOOST_TEST(first["has_more"].get<bool>());
    const json all = must_json({"query", "posts?page_size=1&ordering=id&count=true", "--all"});
    BOOST_TEST(all["results"].size() == 3U);
    BOOST_TEST(!all["has_more"].get<bool>());
    BOOST_TEST(all["count"] == 3);
    BOOST_TEST(all["results"][0] == first["results"][0]);
}

BOOST_AUTO_TEST_CASE(the_way_is_explained) {
    const json told = must_json({"query", "posts?author=" + kim->id(), "--explain"});
    BOOST_TEST(told["plan"]["rows_read"].get<int>() > 0);
    const std::string table = must({"query", "posts?author=" + kim->id(), "--explain"});
    BOOST_TEST(table.starts_with("plan: "));
    BOOST_TEST(table.contains("rows read"));
}

BOOST_AUTO_TEST_CASE(a_wrong_query_says_what_is_wrong) {
    check_end({"query", "pictures"}, 2, "there are users, posts, files, comments, likes");
    check_end({"query", "posts?like_cuont=3"}, 1, "like_cuont");
    check_end({"query", "posts?page_size=1000"}, 1, "page_size");
    check_end({"query", "posts?content=%zz"}, 2, "%25");
    check_end({"query", "posts?content=%ff"}, 2, "UTF-8");
    check_end({"query", "posts?cursor=abc"}, 1, "--all");
    check_end({"query", "posts", "--as", "nobody.at.all"}, 1, "user");
    check_end({"query", "posts?author=me"}, 1, "nobody does");
    check_end({"query"}, 2, "QUERY");
    // The wrong query leaves half a JSON text nowhere.
    BOOST_TEST(admin({"--json", "query", "posts?like_cuont=3"}).out.empty());
}

BOOST_AUTO_TEST_CASE(what_is_counted_is_there) {
    const auto check = [this](bool is_served) {
        BOOST_TEST_INFO_SCOPE("served: " << is_served);
        const json found = must_json({"stats"});
        BOOST_TEST(found["served"].get<bool>() == is_served);
        BOOST_TEST((found["rows"]["users"] == json{{"alive", 2}, {"deleted", 0}}));
        BOOST_TEST((found["rows"]["posts"] == json{{"alive", 3}, {"deleted", 1}}));
        BOOST_TEST((found["rows"]["comments"] == json{{"alive", 1}, {"deleted", 0}}));
        BOOST_TEST((found["rows"]["likes"] == json{{"alive", 1}, {"deleted", 0}}));
        BOOST_TEST(found["media"]["public"]["files"] == 4);
        BOOST_TEST(found["media"]["public"]["bytes"].get<int>() > 400);
        BOOST_TEST(found["media"]["hidden"]["files"] == 1);
        BOOST_TEST(found["jobs_waiting"] == 0);
        BOOST_TEST(text(found["newest_post"], "id") == text(other, "id"));
        BOOST_TEST(found["disk"]["free_bytes"].get<std::uint64_t>() > 0U);
        BOOST_TEST(found["families"].contains("posts"));
        BOOST_TEST(found["cache"]["bytes_max"].get<std::uint64_t>() > 0U);
        const std::string table = must({"stats"});
        BOOST_TEST(table.contains("Post " + text(other, "id")));
        BOOST_TEST(table.contains(is_served ? "running\n" : "not running\n"));
        BOOST_TEST(!table.contains('\x1b'));
    };
    check(true);
    stop();
    check(false);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
