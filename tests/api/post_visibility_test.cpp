// A deleted post, and all that hangs under it, is gone from every endpoint at the moment of the
// 204; restored, exactly what was alive is back.
#include <boost/test/unit_test.hpp>
#include <map>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

using answers = std::map<std::string, std::string>;

/// A post with two files, a like and comments, one of which was deleted before.
struct lively_post {
    api_server& server = shared_server();
    api_client author = server.sign_up("author");
    api_client fan = server.sign_up("fan");
    json post = create_post(author, "lively", 2);
    json comment = create_comment(fan, post, "stays");
    json dead_comment = create_comment(fan, post, "deleted before");
    json own_comment = create_comment(author, post, "author's own");
    json like = create_like(fan, post);

    lively_post() { check_status(fan.remove(path_of_comment(dead_comment)), 204); }

    std::vector<std::string> single_paths() const {
        return {path_of_post(post),
                "/api/v1/files/" + text(post.at("files").at(0), "id"),
                "/api/v1/files/" + text(post.at("files").at(1), "id"),
                path_of_comment(comment),
                path_of_comment(own_comment),
                "/api/v1/likes/" + text(like, "id"),
                text(post.at("files").at(0), "url"),
                text(post.at("files").at(1), "url")};
    }

    std::vector<std::string> list_paths() const {
        const std::string id = text(post, "id");
        return {"/api/v1/posts",
                "/api/v1/posts?author=" + author.id(),
                "/api/v1/files",
                "/api/v1/files?post=" + id,
                "/api/v1/comments",
                "/api/v1/comments?post=" + id,
                "/api/v1/comments?author=" + fan.id(),
                "/api/v1/comments?author=" + author.id() + "&post=" + id,
                "/api/v1/likes",
                "/api/v1/likes?post=" + id,
                "/api/v1/likes?user=" + fan.id()};
    }

    /// The bodies of all single answers. Ends the test case if one is not there.
    answers read_all() {
        answers read;
        for (const std::string& path : single_paths()) {
            const auto answer = fan.get(path);
            check_status(answer, 200);
            read[path] = answer.body;
        }
        return read;
    }

    /// Every list as it is, with only what belongs to this post.
    answers list_all() {
        answers listed;
        for (const std::string& path : list_paths()) {
            for (const json& row : walk(fan, path)) {
                if (row.value("post", text(row, "id")) == text(post, "id")) {
                    listed[path] += row.dump() + "\n";
                }
            }
        }
        return listed;
    }

    void check_gone() {
        const std::string unknown_path = "/api/v1/posts/4611686018427387904";
        const std::string unknown = fan.get(unknown_path).body;
        for (const std::string& path : single_paths()) {
            BOOST_TEST_CONTEXT(path) {
                check_problem(fan.get(path), 404);
                check_problem(author.get(path), 404);
            }
        }
        // What a cache holds is not confirmed either.
        for (const json& file : post.at("files")) {
            check_problem(fan.get(text(file, "url"), {{"If-None-Match", "*"}}), 404);
            check_problem(fan.get(text(file, "url"), {{"Range", "bytes=0-0"}}), 404);
        }
        check_problem(fan.get(path_of_post(post), {{"If-None-Match", "*"}}), 404);
        BOOST_TEST(fan.get(path_of_post(post)).body == unknown);
        BOOST_TEST(json(list_all()).dump() == "{}");
        const std::string path = path_of_post(post);
        BOOST_TEST(fan.put(path + "/like").body == unknown);
        BOOST_TEST(fan.put(path + "/like").status == 404U);
        check_problem(fan.remove(path + "/like"), 404);
        check_problem(fan.post(path + "/comments", {{"content", "x"}}), 404);
        check_problem(fan.patch(path_of_comment(comment), {{"content", "x"}}), 404);
        check_problem(fan.remove(path_of_comment(comment)), 404);
        check_problem(author.remove("/api/v1/files/" + text(post.at("files").at(0), "id")), 404);
    }

    /// Of the post's files, how many lie in the tree that a web server may serve.
    int public_files() const {
        const auto names = server.media_files("public");
        int found = 0;
        for (const json& file : post.at("files")) {
            const std::string url = text(file, "url");
            found += names.contains(url.substr(url.rfind('/') + 1)) ? 1 : 0;
        }
        return found;
    }
};

/// Without what a restore changes: the post's own time, and the tag that hangs on it.
answers without_post(answers read, const json& post) {
    read.erase(path_of_post(post));
    return read;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(post_visibility, lively_post)

BOOST_AUTO_TEST_CASE(a_deleted_post_vanishes_everywhere_at_once_and_comes_back_as_it_was) {
    const auto read = read_all();
    const auto listed = list_all();
    BOOST_TEST(listed.size() == list_paths().size());
    const json seen = fan.get_json(path_of_post(post));
    BOOST_TEST(seen.at("comment_count") == 2);
    BOOST_TEST(public_files() == 2);

    check_status(author.remove(path_of_post(post)), 204);
    check_gone();
    BOOST_TEST(public_files() == 0);

    check_status(author.post(path_of_post(post) + "/restore"), 200);
    BOOST_TEST(public_files() == 2);
    BOOST_TEST((without_post(read_all(), post) == without_post(read, post)));
    json expected = seen;
    const json after = fan.get_json(path_of_post(post));
    expected["updated_at"] = after.at("updated_at");
    BOOST_TEST(after == expected);
    auto listed_after = list_all();
    for (const auto& [path, rows] : listed) {
        BOOST_TEST_CONTEXT(path) {
            if (path.starts_with("/api/v1/posts")) {
                BOOST_TEST(listed_after[path] == after.dump() + "\n");
            } else {
                BOOST_TEST(listed_after[path] == rows);
            }
        }
    }
    check_problem(fan.get(path_of_comment(dead_comment)), 404);
}

BOOST_AUTO_TEST_CASE(a_deleted_post_stays_gone_after_a_restart) {
    api_server own;
    auto writer = own.sign_up();
    const json kept = create_post(writer);
    const json gone = create_post(writer);
    check_status(writer.remove(path_of_post(gone)), 204);
    own.restart();
    writer.move_to(own.port());
    check_problem(writer.get(path_of_post(gone)), 404);
    check_problem(writer.get(text(gone.at("files").at(0), "url")), 404);
    check_status(writer.get(text(kept.at("files").at(0), "url")), 200);
    BOOST_TEST(own.media_files("public").size() == 1U);
    check_status(writer.post(path_of_post(gone) + "/restore"), 200);
    check_status(writer.get(text(gone.at("files").at(0), "url")), 200);
    BOOST_TEST(own.media_files("public").size() == 2U);
}

BOOST_AUTO_TEST_CASE(only_the_author_lists_their_deleted_posts) {
    const json alive = create_post(author);
    check_status(author.remove(path_of_post(post)), 204);
    const std::string query = "/api/v1/posts?is_deleted=true";
    const auto deleted = walk(author, query + "&author=me");
    BOOST_TEST_REQUIRE(deleted.size() == 1U);
    check_post(deleted.front());
    BOOST_TEST(deleted.front().at("id") == post.at("id"));
    BOOST_TEST(deleted.front().at("is_deleted") == true);
    BOOST_TEST(walk(author, query + "&author=" + author.id()).size() == 1U);
    for (const std::string& refused :
         {query, query + "&author=" + fan.id(), query + "&page_size=5"}) {
        check_problem(author.get(refused), 400, {{"is_deleted", "not_yours"}});
    }
    check_problem(fan.get(query + "&author=" + author.id()), 400, {{"is_deleted", "not_yours"}});
    BOOST_TEST(walk(fan, query + "&author=me").empty());
    const auto alive_only = walk(author, "/api/v1/posts?author=me&is_deleted=false");
    BOOST_TEST_REQUIRE(alive_only.size() == 1U);
    BOOST_TEST(alive_only.front().at("id") == alive.at("id"));
}

/// Of deleted posts each is asked as if it were there.
BOOST_AUTO_TEST_CASE(deleted_posts_are_filtered_by_what_hangs_under_them) {
    check_status(author.remove(path_of_post(post)), 204);
    const auto found = [&](const std::string& filter) {
        return walk(author, "/api/v1/posts?author__exact=me&is_deleted__exact=true&" + filter)
            .size();
    };
    const std::string post_id = text(post, "id");
    const std::vector<std::string> true_of_it{"files__post__author=me",
                                              "files__post__id=" + post_id,
                                              "files__post__content__regex=.*",
                                              "files__post__author__username=" + author.username(),
                                              "author__username__isnull=false",
                                              "likes__user=" + fan.id(),
                                              "likes__user__username=" + fan.username(),
                                              "comments__post__files__isnull=false",
                                              "ordering=-created_at",
                                              "count=true"};
    for (const std::string& filter : true_of_it) {
        BOOST_TEST(found(filter) == 1U, filter);
    }
    const std::vector<std::string> false_of_it{
        "files__post__author__isnull=true", "files__post__is_deleted=false",
        "files__post__likes__user=me", "likes__isnull=true", "author__posts=" + post_id};
    for (const std::string& filter : false_of_it) {
        BOOST_TEST(found(filter) == 0U, filter);
    }
    check_problem(author.get("/api/v1/posts?author=me&is_deleted=true&ordering=created_at"), 400,
                  {{"ordering", "not_here"}});
}

BOOST_AUTO_TEST_CASE(what_happens_to_the_author_while_a_post_is_deleted_does_not_bring_it_back) {
    check_status(author.remove(path_of_post(post)), 204);
    check_status(author.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    author.adopt(parse(author.post("/api/v1/auth/restore", {{"username", author.username()},
                                                            {"password", default_password}})));
    check_gone();
    BOOST_TEST(public_files() == 0);
    check_status(author.post(path_of_post(post) + "/restore"), 200);
    BOOST_TEST(public_files() == 2);
    BOOST_TEST(read_all().size() == single_paths().size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
