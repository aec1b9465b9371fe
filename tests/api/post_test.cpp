// Posts and their files: each call's answers.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

BOOST_AUTO_TEST_SUITE(posts)

BOOST_AUTO_TEST_CASE(a_post_is_created_with_its_files_in_order) {
    auto author = shared_server().sign_up();
    const auto answer = author.upload(post_form("Sunset \U0001F305", 3));
    const json post = parse(answer, 201);
    check_post(post);
    BOOST_TEST(answer.header("Location") == path_of_post(post));
    BOOST_TEST(text(post, "content") == "Sunset \U0001F305");
    BOOST_TEST(text(post.at("author"), "id") == author.id());
    BOOST_TEST(text(post.at("author"), "username") == author.username());
    BOOST_TEST(post.at("like_count") == 0);
    BOOST_TEST(post.at("comment_count") == 0);
    BOOST_TEST(post.at("liked") == false);
    BOOST_TEST(post.at("is_deleted") == false);
    BOOST_TEST_REQUIRE(post.at("files").size() == 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        BOOST_TEST(post.at("files").at(i).at("position") == i);
    }
    const auto read = author.get(path_of_post(post));
    BOOST_TEST(parse(read) == post);
    BOOST_TEST(read.header("ETag") == answer.header("ETag"));
    BOOST_TEST(walk(author, "/api/v1/posts?author=me").front() == post);
    BOOST_TEST(author.get_json("/api/v1/users/me").at("post_count") == 1);
}

BOOST_AUTO_TEST_CASE(a_post_may_have_no_text) {
    auto author = shared_server().sign_up();
    multipart_body form;
    form.file("files", "a.jpg", "image/jpeg", small_jpeg());
    BOOST_TEST(text(parse(author.upload(form), 201), "content") == "");
}

BOOST_AUTO_TEST_CASE(only_its_author_edits_a_post) {
    auto author = shared_server().sign_up();
    auto other = shared_server().sign_up();
    const json post = create_post(author, "before");
    check_problem(other.patch(path_of_post(post), {{"content", "mine now"}}), 403);
    check_problem(other.remove(path_of_post(post)), 403);
    check_problem(other.post(path_of_post(post) + "/restore"), 403);
    BOOST_TEST(author.get_json(path_of_post(post)) == post);

    const json edited = parse(author.patch(path_of_post(post), {{"content", "after"}}));
    check_post(edited);
    json expected = post;
    expected["content"] = "after";
    expected["updated_at"] = edited.at("updated_at");
    BOOST_TEST(edited == expected);
    BOOST_TEST(text(edited, "updated_at") > text(post, "updated_at"));
    BOOST_TEST(other.get_json(path_of_post(post)) == edited);
}

BOOST_AUTO_TEST_CASE(a_post_is_deleted_and_restored_by_its_author) {
    auto author = shared_server().sign_up();
    auto other = shared_server().sign_up();
    const json post = create_post(author);
    check_status(author.remove(path_of_post(post)), 204);
    check_problem(author.get(path_of_post(post)), 404);
    check_problem(author.remove(path_of_post(post)), 404);
    check_problem(author.patch(path_of_post(post), {{"content", "x"}}), 404);
    // That there was one is nobody else's business.
    check_problem(other.post(path_of_post(post) + "/restore"), 404);
    BOOST_TEST(author.get_json("/api/v1/users/me").at("post_count") == 0);

    const json restored = parse(author.post(path_of_post(post) + "/restore"));
    check_post(restored);
    json expected = post;
    expected["updated_at"] = restored.at("updated_at");
    BOOST_TEST(restored == expected);
    BOOST_TEST(text(restored, "updated_at") > text(post, "updated_at"));
    BOOST_TEST(author.get_json("/api/v1/users/me").at("post_count") == 1);
    // Once more changes nothing.
    BOOST_TEST(parse(author.post(path_of_post(post) + "/restore")) == restored);
    BOOST_TEST(author.get_json("/api/v1/users/me").at("post_count") == 1);
}

BOOST_AUTO_TEST_CASE(past_the_retention_a_post_stays_deleted) {
    auto options = without_rate_limits();
    options.restore_retention = std::chrono::seconds(0);
    api_server server(options);
    auto author = server.sign_up();
    const json post = create_post(author);
    check_status(author.remove(path_of_post(post)), 204);
    check_problem(author.post(path_of_post(post) + "/restore"), 404);
}

BOOST_AUTO_TEST_CASE(files_are_listed_and_read_beside_their_post) {
    auto author = shared_server().sign_up();
    auto other = shared_server().sign_up();
    const json post = create_post(author, "", 2);
    const auto files = walk(other, "/api/v1/files?post=" + text(post, "id"));
    BOOST_TEST_REQUIRE(files.size() == 2U);
    for (const json& file : files) {
        check_file(file);
        BOOST_TEST(other.get_json("/api/v1/files/" + text(file, "id")) == file);
        BOOST_TEST((file == post.at("files").at(0) || file == post.at("files").at(1)));
    }
}

BOOST_AUTO_TEST_CASE(a_file_is_deleted_by_its_author_unless_it_is_the_last) {
    auto author = shared_server().sign_up();
    auto other = shared_server().sign_up();
    const json post = create_post(author, "", 2);
    const json& first = post.at("files").at(0);
    const json& second = post.at("files").at(1);
    const std::string first_path = "/api/v1/files/" + text(first, "id");
    check_problem(other.remove(first_path), 403);
    check_status(author.get(text(first, "url")), 200);

    check_status(author.remove(first_path), 204);
    check_problem(author.get(first_path), 404);
    check_problem(author.remove(first_path), 404);
    check_problem(author.get(text(first, "url")), 404);
    check_status(author.get(text(second, "url")), 200);
    const json after = author.get_json(path_of_post(post));
    BOOST_TEST_REQUIRE(after.at("files").size() == 1U);
    BOOST_TEST(after.at("files").at(0) == second);
    BOOST_TEST(walk(author, "/api/v1/files?post=" + text(post, "id")).size() == 1U);

    check_problem(author.remove("/api/v1/files/" + text(second, "id")), 409);
    check_status(author.get(text(second, "url")), 200);
}

BOOST_AUTO_TEST_CASE(restoring_a_post_does_not_bring_back_a_file_deleted_before) {
    auto author = shared_server().sign_up();
    const json post = create_post(author, "", 2);
    const json& first = post.at("files").at(0);
    check_status(author.remove("/api/v1/files/" + text(first, "id")), 204);
    check_status(author.remove(path_of_post(post)), 204);
    BOOST_TEST(parse(author.post(path_of_post(post) + "/restore")).at("files").size() == 1U);
    check_problem(author.get(text(first, "url")), 404);
    check_status(author.get(text(post.at("files").at(1), "url")), 200);
}

BOOST_AUTO_TEST_CASE(json_answers_are_not_stored_by_caches) {
    auto author = shared_server().sign_up();
    const json post = create_post(author);
    BOOST_TEST(author.get("/api/v1/posts").header("Cache-Control") == "no-store");
    BOOST_TEST(author.get(path_of_post(post)).header("Cache-Control") == "private, no-cache");
}

BOOST_AUTO_TEST_CASE(head_answers_as_get_without_a_body) {
    auto author = shared_server().sign_up();
    const json post = create_post(author);
    const auto get = author.get(path_of_post(post));
    const auto head = author.request("HEAD", path_of_post(post));
    BOOST_TEST(head.status == 200U);
    BOOST_TEST(head.body.empty());
    BOOST_TEST(head.header("ETag") == get.header("ETag"));
    BOOST_TEST(head.header("Content-Length") == std::to_string(get.body.size()));
}

BOOST_AUTO_TEST_CASE(one_trailing_slash_is_tolerated) {
    auto author = shared_server().sign_up();
    const json post = create_post(author);
    BOOST_TEST(author.get_json(path_of_post(post) + "/") == post);
    check_page(author.get_json("/api/v1/posts/"));
    check_problem(author.get(path_of_post(post) + "//"), 404);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
