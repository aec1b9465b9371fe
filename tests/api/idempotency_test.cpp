// Idempotency-Key: a retry gets the first answer, also after a restart.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

header_list with_key(const std::string& key) {
    return {{"Idempotency-Key", key}};
}

void check_same(const http_response& first, const http_response& again) {
    BOOST_TEST(again.status == first.status);
    BOOST_TEST(again.body == first.body);
    BOOST_TEST(again.header("Location") == first.header("Location"));
}

struct user_with_post {
    api_server& server = shared_server();
    api_client user = server.sign_up();
    json post = create_post(user);
    std::string comments = path_of_post(post) + "/comments";

    std::size_t comment_count() {
        return walk(user, "/api/v1/comments?post=" + text(post, "id")).size();
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(idempotency, user_with_post)

BOOST_AUTO_TEST_CASE(a_repeated_comment_is_one_comment) {
    const json body{{"content", "once"}};
    const auto first = user.post(comments, body, with_key("k"));
    check_comment(parse(first, 201));
    check_same(first, user.post(comments, body, with_key("k")));
    BOOST_TEST(comment_count() == 1U);
    check_status(user.post(comments, body, with_key("another")), 201);
    check_status(user.post(comments, body), 201);
    BOOST_TEST(comment_count() == 3U);
}

BOOST_AUTO_TEST_CASE(the_same_key_with_another_body_is_refused) {
    check_status(user.post(comments, {{"content", "one"}}, with_key("k")), 201);
    check_problem(user.post(comments, {{"content", "two"}}, with_key("k")), 422,
                  {{"Idempotency-Key", "reused"}});
    BOOST_TEST(comment_count() == 1U);
}

BOOST_AUTO_TEST_CASE(a_request_that_failed_does_not_use_its_key_up) {
    check_problem(user.post(comments, {{"content", ""}}, with_key("k")), 422,
                  {{"content", "blank"}});
    check_problem(user.send_json("POST", comments, "{", with_key("k")), 400);
    check_status(user.post(comments, {{"content", "corrected"}}, with_key("k")), 201);

    multipart_body bad;
    bad.field("content", "x").file("files", "a.txt", "text/plain", "no picture");
    check_problem(user.upload(bad, with_key("p")), 415, {{"files[0]", "unsupported_type"}});
    check_status(user.upload(post_form("good"), with_key("p")), 201);

    auto nobody = server.connect();
    const std::string name = unique_name("retry");
    json account{{"username", name}, {"password", "short"}};
    check_problem(nobody.post("/api/v1/auth/signup", account, with_key("s")), 422,
                  {{"password", "too_short"}});
    account["password"] = default_password;
    check_status(nobody.post("/api/v1/auth/signup", account, with_key("s")), 201);
}

BOOST_AUTO_TEST_CASE(a_key_belongs_to_its_user_and_to_what_is_created) {
    auto other = server.sign_up();
    const json body{{"content", "hello"}};
    const json mine = parse(user.post(comments, body, with_key("shared")), 201);
    const json theirs = parse(other.post(comments, body, with_key("shared")), 201);
    BOOST_TEST(mine.at("id") != theirs.at("id"));
    const json second = create_post(user);
    const json elsewhere =
        parse(user.post(path_of_post(second) + "/comments", body, with_key("shared")), 201);
    BOOST_TEST(elsewhere.at("post") == second.at("id"));
    check_status(user.upload(post_form("a post"), with_key("shared")), 201);
}

BOOST_AUTO_TEST_CASE(a_repeated_upload_is_one_post_whatever_its_boundary) {
    const std::string picture = small_jpeg();
    multipart_body form;
    form.field("content", "once").file("files", "a.jpg", "image/jpeg", picture);
    const auto first = user.upload(form, with_key("k"));
    check_post(parse(first, 201));
    const auto files_before = server.media_files("public");
    check_same(first, user.upload(form, with_key("k")));

    std::string renamed = form.text();
    const std::string old_boundary = form.content_type().substr(form.content_type().find('=') + 1);
    for (std::size_t at = 0; (at = renamed.find(old_boundary)) != std::string::npos;) {
        renamed.replace(at, old_boundary.size(), "b0undary");
    }
    check_same(first, user.request("POST", "/api/v1/posts",
                                   {{"Content-Type", "multipart/form-data; boundary=b0undary"},
                                    {"Idempotency-Key", "k"}},
                                   renamed));
    BOOST_TEST(server.media_files("public") == files_before, boost::test_tools::per_element());
    BOOST_TEST(walk(user, "/api/v1/posts?author=me").size() == 2U);

    multipart_body other_text;
    other_text.field("content", "twice").file("files", "a.jpg", "image/jpeg", picture);
    check_problem(user.upload(other_text, with_key("k")), 422, {{"Idempotency-Key", "reused"}});
    check_problem(user.upload(post_form("once"), with_key("k")), 422,
                  {{"Idempotency-Key", "reused"}});
    BOOST_TEST(server.media_files("public") == files_before, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_repeated_signup_gives_the_same_token) {
    auto nobody = server.connect();
    const json body{{"username", unique_name("twice")}, {"password", default_password}};
    const auto first = nobody.post("/api/v1/auth/signup", body, with_key("signup-1"));
    check_login(parse(first, 201));
    check_same(first, nobody.post("/api/v1/auth/signup", body, with_key("signup-1")));
    nobody.adopt(json::parse(first.body));
    check_status(nobody.get("/api/v1/users/me"), 200);
    nobody.become_nobody();
    // Without the key, or with another, the name is simply taken.
    check_problem(nobody.post("/api/v1/auth/signup", body), 409, {{"username", "taken"}});
    check_problem(nobody.post("/api/v1/auth/signup", body, with_key("signup-2")), 409,
                  {{"username", "taken"}});
}

BOOST_AUTO_TEST_CASE(parallel_retries_make_one_row) {
    std::atomic<int> created = 0;
    std::atomic<int> in_flight = 0;
    run_parallel(16, [&](unsigned) {
        auto client = server.connect();
        client.set_token(user.token());
        const auto status =
            client.post(comments, {{"content", "once"}}, with_key("parallel")).status;
        created += status == 201 ? 1 : 0;
        in_flight += status == 409 ? 1 : 0;
    });
    BOOST_TEST(created + in_flight == 16);
    BOOST_TEST(created >= 1);
    BOOST_TEST(comment_count() == 1U);
}

BOOST_AUTO_TEST_CASE(a_key_in_flight_is_refused) {
    const auto form = post_form("slow");
    const std::string body = form.text();
    http_client slow(server.port());
    slow.send(
        "POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nAuthorization: "
        "Bearer " +
        user.token() + "\r\nContent-Type: " + form.content_type() +
        "\r\nContent-Length: " + std::to_string(body.size()) + "\r\nExpect: 100-continue\r\n\r\n");
    // Asked for its body, the first request has taken the key.
    BOOST_TEST(slow.receive().status == 100U);
    check_problem(user.upload(form, with_key("k")), 409);
    slow.send(body);
    const auto first = slow.receive();
    check_post(parse(first, 201));
    check_same(first, user.upload(form, with_key("k")));
}

BOOST_AUTO_TEST_CASE(a_key_is_free_again_when_its_request_was_cut_off) {
    const auto form = post_form("cut");
    {
        http_client cut(server.port());
        cut.send(
            "POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nIdempotency-Key: k\r\nAuthorization: "
            "Bearer " +
            user.token() + "\r\nContent-Type: " + form.content_type() +
            "\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n");
        BOOST_TEST(cut.receive().status == 100U);
    }
    unsigned status = 409;
    BOOST_TEST(eventually([&] {
        status = user.upload(form, with_key("k")).status;
        return status != 409;
    }));
    BOOST_TEST(status == 201U);
}

BOOST_AUTO_TEST_CASE(unusable_keys_are_refused) {
    for (const std::string& key : {std::string(256, 'k'), std::string("k\xC3\xA9y")}) {
        check_problem(user.post(comments, {{"content", "x"}}, with_key(key)), 400);
    }
    BOOST_TEST(comment_count() == 0U);
    check_status(user.post(comments, {{"content", "x"}}, with_key(std::string(255, 'k'))), 201);
}

BOOST_AUTO_TEST_CASE(the_first_answer_is_given_again_after_a_restart) {
    api_server own;
    auto nobody = own.connect();
    const json account{{"username", "kim"}, {"password", default_password}};
    const auto signup = nobody.post("/api/v1/auth/signup", account, with_key("a"));
    auto kim = own.connect();
    kim.adopt(parse(signup, 201));
    const auto form = post_form("once");
    const auto created = kim.upload(form, with_key("b"));
    const json made = parse(created, 201);
    const auto commented =
        kim.post(path_of_post(made) + "/comments", {{"content", "x"}}, with_key("c"));
    own.restart();
    nobody.move_to(own.port());
    kim.move_to(own.port());
    check_same(signup, nobody.post("/api/v1/auth/signup", account, with_key("a")));
    check_same(created, kim.upload(form, with_key("b")));
    check_same(commented,
               kim.post(path_of_post(made) + "/comments", {{"content", "x"}}, with_key("c")));
    BOOST_TEST(walk(kim, "/api/v1/posts").size() == 1U);
    BOOST_TEST(walk(kim, "/api/v1/comments").size() == 1U);
    BOOST_TEST(own.media_files("public").size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
