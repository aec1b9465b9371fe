// Comments and likes: each call's answers.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

/// Somebody's post, and two others who come by.
struct people {
    api_client author = shared_server().sign_up("author");
    api_client fan = shared_server().sign_up("fan");
    api_client stranger = shared_server().sign_up("stranger");
    json post = create_post(author);

    json seen_by(api_client& viewer) { return viewer.get_json(path_of_post(post)); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(comments_and_likes)

BOOST_FIXTURE_TEST_CASE(a_comment_is_created_and_counted, people) {
    const auto answer =
        fan.post(path_of_post(post) + "/comments", {{"content", "Nice é \U0001F600"}});
    const json comment = parse(answer, 201);
    check_comment(comment);
    BOOST_TEST(answer.header("Location") == path_of_comment(comment));
    BOOST_TEST(text(comment, "content") == "Nice é \U0001F600");
    BOOST_TEST(comment.at("post") == post.at("id"));
    BOOST_TEST(text(comment.at("author"), "id") == fan.id());
    BOOST_TEST(comment.at("is_deleted") == false);
    BOOST_TEST(stranger.get_json(path_of_comment(comment)) == comment);
    BOOST_TEST(seen_by(stranger).at("comment_count") == 1);
    for (const std::string& filter : {"post=" + text(post, "id"), "author=" + fan.id(),
                                      "post=" + text(post, "id") + "&author=" + fan.id()}) {
        const auto found = walk(stranger, "/api/v1/comments?" + filter);
        BOOST_TEST_REQUIRE(found.size() == 1U);
        BOOST_TEST(found.front() == comment);
    }
    BOOST_TEST(walk(fan, "/api/v1/comments?author=me").front() == comment);
    BOOST_TEST(walk(stranger, "/api/v1/comments?author=me").empty());
}

BOOST_FIXTURE_TEST_CASE(only_its_author_edits_a_comment, people) {
    const json comment = create_comment(fan, post, "before");
    check_problem(stranger.patch(path_of_comment(comment), {{"content", "x"}}), 403);
    check_problem(author.patch(path_of_comment(comment), {{"content", "x"}}), 403);
    const json edited = parse(fan.patch(path_of_comment(comment), {{"content", "after"}}));
    json expected = comment;
    expected["content"] = "after";
    expected["updated_at"] = edited.at("updated_at");
    BOOST_TEST(edited == expected);
    BOOST_TEST(text(edited, "updated_at") > text(comment, "updated_at"));
    BOOST_TEST(author.get_json(path_of_comment(comment)) == edited);
}

BOOST_FIXTURE_TEST_CASE(a_comment_is_deleted_by_its_author_or_the_posts, people) {
    const json first = create_comment(fan, post);
    const json second = create_comment(fan, post);
    check_problem(stranger.remove(path_of_comment(first)), 403);
    BOOST_TEST(seen_by(stranger).at("comment_count") == 2);
    check_status(fan.remove(path_of_comment(first)), 204);
    BOOST_TEST(seen_by(stranger).at("comment_count") == 1);
    check_status(author.remove(path_of_comment(second)), 204);
    BOOST_TEST(seen_by(stranger).at("comment_count") == 0);
    for (const json& comment : {first, second}) {
        check_problem(fan.get(path_of_comment(comment)), 404);
        check_problem(fan.remove(path_of_comment(comment)), 404);
        check_problem(fan.patch(path_of_comment(comment), {{"content", "x"}}), 404);
    }
    BOOST_TEST(seen_by(stranger).at("comment_count") == 0);
    BOOST_TEST(walk(fan, "/api/v1/comments?author=me").empty());
}

BOOST_FIXTURE_TEST_CASE(liking_is_idempotent_and_revives_the_same_row, people) {
    const std::string target = path_of_post(post) + "/like";
    const auto created = fan.put(target);
    const json like = parse(created, 201);
    check_like(like);
    BOOST_TEST(created.header("Location") == "/api/v1/likes/" + text(like, "id"));
    BOOST_TEST(like.at("post") == post.at("id"));
    BOOST_TEST(text(like.at("user"), "id") == fan.id());
    BOOST_TEST(parse(fan.put(target), 200) == like);
    BOOST_TEST(seen_by(fan).at("like_count") == 1);
    BOOST_TEST(seen_by(fan).at("liked") == true);
    BOOST_TEST(seen_by(stranger).at("liked") == false);
    BOOST_TEST(fan.get_json("/api/v1/likes/" + text(like, "id")) == like);

    check_status(fan.remove(target), 204);
    check_status(fan.remove(target), 204);
    BOOST_TEST(seen_by(fan).at("like_count") == 0);
    BOOST_TEST(seen_by(fan).at("liked") == false);
    check_problem(fan.get("/api/v1/likes/" + text(like, "id")), 404);
    BOOST_TEST(walk(fan, "/api/v1/likes?user=me").empty());

    const json again = parse(fan.put(target), 201);
    BOOST_TEST(again.at("id") == like.at("id"));
    BOOST_TEST(again.at("created_at") == like.at("created_at"));
    BOOST_TEST(text(again, "updated_at") > text(like, "updated_at"));
    BOOST_TEST(seen_by(stranger).at("like_count") == 1);
}

BOOST_FIXTURE_TEST_CASE(likes_are_listed_by_post_and_by_user, people) {
    const json by_fan = create_like(fan, post);
    const json by_author = create_like(author, post);
    const auto of_post = walk(stranger, "/api/v1/likes?post=" + text(post, "id"));
    BOOST_TEST_REQUIRE(of_post.size() == 2U);
    BOOST_TEST(of_post.at(0) == by_author);
    BOOST_TEST(of_post.at(1) == by_fan);
    BOOST_TEST(walk(fan, "/api/v1/likes?user=me").front() == by_fan);
    BOOST_TEST(walk(stranger, "/api/v1/likes?user=" + author.id()).front() == by_author);
    BOOST_TEST(
        walk(stranger, "/api/v1/likes?user=" + fan.id() + "&post=" + text(post, "id")).front() ==
        by_fan);
}

BOOST_FIXTURE_TEST_CASE(unliking_what_was_never_liked_is_no_error, people) {
    check_status(stranger.remove(path_of_post(post) + "/like"), 204);
    BOOST_TEST(seen_by(stranger).at("like_count") == 0);
}

BOOST_FIXTURE_TEST_CASE(a_comment_without_text_is_refused, people) {
    const std::string target = path_of_post(post) + "/comments";
    check_problem(fan.post(target, {{"content", ""}}), 422, {{"content", "blank"}});
    check_problem(fan.post(target, json::object()), 422, {{"content", "required"}});
    const json comment = create_comment(fan, post);
    check_problem(fan.patch(path_of_comment(comment), {{"content", ""}}), 422,
                  {{"content", "blank"}});
    check_problem(fan.patch(path_of_comment(comment), json::object()), 422,
                  {{"content", "required"}});
    BOOST_TEST(seen_by(fan).at("comment_count") == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
