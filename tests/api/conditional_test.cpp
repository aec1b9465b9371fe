// ETag, If-None-Match and If-Match on entities.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

struct entities {
    api_client user = shared_server().sign_up();
    json post = create_post(user, "text", 2);
    json comment = create_comment(user, post);
    json like = create_like(user, post);

    std::vector<std::string> paths() const {
        return {"/api/v1/users/me",
                "/api/v1/users/" + user.id(),
                path_of_post(post),
                path_of_comment(comment),
                "/api/v1/likes/" + text(like, "id"),
                "/api/v1/files/" + text(post.at("files").at(0), "id")};
    }
    std::string etag_of(const std::string& path) { return user.get(path).header("ETag"); }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(conditional_requests, entities)

BOOST_AUTO_TEST_CASE(every_entity_has_a_strong_tag_and_answers_304_to_it) {
    for (const std::string& path : paths()) {
        BOOST_TEST_CONTEXT(path) {
            const auto plain = user.get(path);
            const std::string tag = plain.header("ETag");
            BOOST_TEST((tag.size() > 2 && tag.front() == '"' && tag.back() == '"'), tag);
            for (const std::string& known :
                 {tag, "\"other\", " + tag, "W/" + tag, std::string("*")}) {
                const auto answer = user.get(path, {{"If-None-Match", known}});
                BOOST_TEST(answer.status == 304U);
                BOOST_TEST(answer.body.empty());
                BOOST_TEST(answer.header("ETag") == tag);
                BOOST_TEST(answer.header("Cache-Control") == "private, no-cache");
            }
            check_status(user.get(path, {{"If-None-Match", "\"other\""}}), 200);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_tag_changes_with_what_it_stands_for) {
    const std::string path = path_of_post(post);
    const std::string before = etag_of(path);
    auto other = shared_server().sign_up();
    create_like(other, post);
    const std::string liked = etag_of(path);
    BOOST_TEST(liked != before);
    BOOST_TEST(other.get(path).header("ETag") == liked);  // both like it: the same bytes
    check_status(user.patch(path, {{"content", "other text"}}), 200);
    BOOST_TEST(etag_of(path) != liked);
    BOOST_TEST(user.get(path, {{"If-None-Match", before}}).status == 200U);
}

BOOST_AUTO_TEST_CASE(an_edit_needs_the_present_tag_where_one_is_given) {
    struct edit {
        std::string path;
        json body;
    };
    for (const edit& e : {edit{path_of_post(post), {{"content", "edited"}}},
                          edit{path_of_comment(comment), {{"content", "edited"}}},
                          edit{"/api/v1/users/me", {{"bio", "edited"}}}}) {
        BOOST_TEST_CONTEXT(e.path) {
            const auto before = user.get(e.path);
            for (const std::string& stale :
                 {std::string("\"stale\""), "W/" + before.header("ETag")}) {
                check_problem(user.patch(e.path, e.body, {{"If-Match", stale}}), 412);
            }
            BOOST_TEST(user.get(e.path).body == before.body);
            const auto edited = user.patch(e.path, e.body, {{"If-Match", before.header("ETag")}});
            check_status(edited, 200);
            BOOST_TEST(edited.header("ETag") == etag_of(e.path));
            check_problem(user.patch(e.path, e.body, {{"If-Match", before.header("ETag")}}), 412);
            check_status(
                user.patch(e.path, e.body, {{"If-Match", "\"x\", " + edited.header("ETag")}}), 200);
            check_status(user.patch(e.path, e.body, {{"If-Match", "*"}}), 200);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_delete_needs_the_present_tag_where_one_is_given) {
    for (const std::string& path : {"/api/v1/files/" + text(post.at("files").at(0), "id"),
                                    path_of_comment(comment), path_of_post(post)}) {
        BOOST_TEST_CONTEXT(path) {
            check_problem(user.remove(path, {{"If-Match", "\"stale\""}}), 412);
            const std::string tag = etag_of(path);
            BOOST_TEST_REQUIRE(!tag.empty());
            check_status(user.remove(path, {{"If-Match", tag}}), 204);
            check_problem(user.remove(path, {{"If-Match", tag}}), 404);
        }
    }
    const std::string body = json{{"password", default_password}}.dump();
    check_problem(user.send_json("DELETE", "/api/v1/users/me", body, {{"If-Match", "\"stale\""}}),
                  412);
    check_status(user.send_json("DELETE", "/api/v1/users/me", body,
                                {{"If-Match", etag_of("/api/v1/users/me")}}),
                 204);
}

BOOST_AUTO_TEST_CASE(of_parallel_edits_with_one_tag_one_wins) {
    const std::string path = path_of_post(post);
    const std::string tag = etag_of(path);
    std::atomic<int> done = 0;
    std::atomic<int> refused = 0;
    run_parallel(8, [&](unsigned index) {
        auto client = shared_server().connect();
        client.set_token(user.token());
        const auto status =
            client.patch(path, {{"content", "edit " + std::to_string(index)}}, {{"If-Match", tag}})
                .status;
        done += status == 200 ? 1 : 0;
        refused += status == 412 ? 1 : 0;
    });
    BOOST_TEST(done == 1);
    BOOST_TEST(refused == 7);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
