// Sign up, log in, profiles, passwords.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

BOOST_AUTO_TEST_SUITE(accounts)

BOOST_AUTO_TEST_CASE(signup_answers_the_user_and_a_token_that_works) {
    auto client = shared_server().connect();
    const std::string name = unique_name("kim");
    const auto answer = client.post("/api/v1/auth/signup", {{"username", name},
                                                            {"password", default_password},
                                                            {"name", "Kim é 😀"},
                                                            {"website", "https://example.org/k"},
                                                            {"bio", "Line\nline \"two\" \\"}});
    const json login = parse(answer, 201);
    check_login(login);
    BOOST_TEST(answer.header("Cache-Control") == "no-store");
    BOOST_TEST(!answer.body.contains(default_password));
    const json& user = login.at("user");
    BOOST_TEST(text(user, "username") == name);
    BOOST_TEST(text(user, "name") == "Kim é 😀");
    BOOST_TEST(text(user, "website") == "https://example.org/k");
    BOOST_TEST(text(user, "bio") == "Line\nline \"two\" \\");
    BOOST_TEST(user.at("post_count") == 0);
    BOOST_TEST(user.at("is_deleted") == false);

    client.adopt(login);
    BOOST_TEST(client.get_json("/api/v1/users/me") == user);
    BOOST_TEST(client.get_json("/api/v1/users/" + client.id()) == user);
    BOOST_TEST(client.get_json("/api/v1/users/@" + name) == user);
    BOOST_TEST(walk(client, "/api/v1/users?page_size=1").front() == user);
}

BOOST_AUTO_TEST_CASE(usernames_are_lower_cased_and_unique_whatever_their_case) {
    auto client = shared_server().connect();
    const std::string name = unique_name("mixed");
    std::string shouted = name;
    shouted[0] = 'M';
    const json body{{"username", shouted}, {"password", default_password}};
    const json login = parse(client.post("/api/v1/auth/signup", body), 201);
    BOOST_TEST(text(login.at("user"), "username") == name);
    check_problem(client.post("/api/v1/auth/signup", body), 409, {{"username", "taken"}});
    check_login(parse(client.post("/api/v1/auth/login", body)));
    client.adopt(login);
    check_user(client.get_json("/api/v1/users/@" + shouted));
}

BOOST_AUTO_TEST_CASE(usernames_that_break_a_rule_are_refused) {
    auto client = shared_server().connect();
    for (const char* name : {".kim", "kim.", "k..m", "kim lee", "kim-lee", "é", "kim/", "@kim"}) {
        BOOST_TEST_CONTEXT(name) {
            check_problem(client.post("/api/v1/auth/signup",
                                      {{"username", name}, {"password", default_password}}),
                          422, {{"username", "invalid_format"}});
        }
    }
    const std::string longest = unique_name("a.b_c.") + std::string(30, 'z');
    check_status(client.post("/api/v1/auth/signup",
                             {{"username", longest.substr(0, 30)}, {"password", default_password}}),
                 201);
}

BOOST_AUTO_TEST_CASE(login_answers_as_signup_does) {
    auto client = shared_server().sign_up("lee");
    const auto answer = client.post(
        "/api/v1/auth/login", {{"username", client.username()}, {"password", default_password}});
    const json login = parse(answer);
    check_login(login);
    BOOST_TEST(text(login, "token") != client.token());
    BOOST_TEST(answer.header("Cache-Control") == "no-store");
    BOOST_TEST(login.at("user") == client.get_json("/api/v1/users/me"));
}

BOOST_AUTO_TEST_CASE(wrong_name_and_wrong_password_are_the_same_refusal) {
    auto client = shared_server().sign_up();
    const auto wrong_password = client.post(
        "/api/v1/auth/login", {{"username", client.username()}, {"password", "wrong horse"}});
    const auto wrong_name = client.post(
        "/api/v1/auth/login", {{"username", "nobody.at.all"}, {"password", default_password}});
    check_problem(wrong_password, 401);
    check_problem(wrong_name, 401);
    BOOST_TEST(wrong_password.body == wrong_name.body);
    // What could never be a name or a password is answered in the same way.
    BOOST_TEST(client.post("/api/v1/auth/login", {{"username", ""}, {"password", ""}}).body ==
               wrong_name.body);
}

BOOST_AUTO_TEST_CASE(a_profile_is_edited_member_by_member) {
    auto client = shared_server().sign_up();
    const json before = client.get_json("/api/v1/users/me");
    const json after =
        parse(client.patch("/api/v1/users/me", {{"bio", "new"}, {"website", "http://a.example"}}));
    check_user(after);
    json expected = before;
    expected["bio"] = "new";
    expected["website"] = "http://a.example";
    expected["updated_at"] = after.at("updated_at");
    BOOST_TEST(after == expected);
    BOOST_TEST(text(after, "updated_at") > text(before, "updated_at"));
    BOOST_TEST(client.get_json("/api/v1/users/me") == after);

    BOOST_TEST(text(parse(client.patch("/api/v1/users/me", {{"website", ""}})), "website") == "");
    check_status(client.patch("/api/v1/users/me", json::object()), 200);
}

BOOST_AUTO_TEST_CASE(a_website_must_be_an_http_url) {
    auto client = shared_server().sign_up();
    for (const char* url :
         {"javascript:alert(1)", "ftp://a.example", "example.org", "http://", "https:///path",
          "http://a b", "http://a\"onclick=", "data:text/html,x", "//example.org"}) {
        BOOST_TEST_CONTEXT(url) {
            check_problem(client.patch("/api/v1/users/me", {{"website", url}}), 422,
                          {{"website", "invalid_format"}});
        }
    }
}

BOOST_AUTO_TEST_CASE(names_travel_with_what_a_user_wrote) {
    auto author = shared_server().sign_up();
    const json post = create_post(author);
    const json comment = create_comment(author, post);
    const json like = create_like(author, post);
    check_status(author.patch("/api/v1/users/me", {{"name", "Renamed"}}), 200);
    const auto name_of = [](const json& row, const char* member) {
        return text(row.at(member), "name");
    };
    BOOST_TEST(name_of(author.get_json(path_of_post(post)), "author") == "Renamed");
    BOOST_TEST(name_of(author.get_json(path_of_comment(comment)), "author") == "Renamed");
    BOOST_TEST(name_of(author.get_json("/api/v1/likes/" + text(like, "id")), "user") == "Renamed");
    BOOST_TEST(name_of(walk(author, "/api/v1/posts?author=me").front(), "author") == "Renamed");
}

BOOST_AUTO_TEST_CASE(changing_the_password_needs_the_old_one) {
    auto client = shared_server().sign_up();
    check_problem(client.post("/api/v1/auth/password",
                              {{"old_password", "wrong horse"}, {"new_password", "new password"}}),
                  403, {{"old_password", "wrong"}});
    check_problem(client.post("/api/v1/auth/password",
                              {{"old_password", default_password}, {"new_password", "short"}}),
                  422, {{"new_password", "too_short"}});
    check_problem(client.post("/api/v1/auth/password", json::object()), 422,
                  {{"old_password", "required"}, {"new_password", "required"}});
    const auto changed = client.post("/api/v1/auth/password", {{"old_password", default_password},
                                                               {"new_password", "pässwörd"}});
    check_status(changed, 204);
    BOOST_TEST(changed.body.empty());
    check_problem(client.post("/api/v1/auth/login",
                              {{"username", client.username()}, {"password", default_password}}),
                  401);
    check_status(client.post("/api/v1/auth/login",
                             {{"username", client.username()}, {"password", "pässwörd"}}),
                 200);
}

BOOST_AUTO_TEST_CASE(deleting_an_account_needs_its_password) {
    auto client = shared_server().sign_up();
    check_problem(client.remove_with("/api/v1/users/me", {{"password", "wrong horse"}}), 403,
                  {{"password", "wrong"}});
    check_problem(client.remove_with("/api/v1/users/me", json::object()), 422,
                  {{"password", "required"}});
    check_status(client.get("/api/v1/users/me"), 200);
}

BOOST_AUTO_TEST_CASE(health_is_told_to_anyone) {
    auto client = shared_server().connect();
    const std::map<std::string, std::string> expected{
        {"/healthz", "alive"}, {"/readyz", "ready"}, {"/healthz?probe=1", "alive"}};
    for (const auto& [path, status] : expected) {
        const json health = parse(client.get(path));
        check_members(health, {"status"});
        BOOST_TEST(text(health, "status") == status);
    }
}

BOOST_AUTO_TEST_CASE(a_request_id_comes_back_or_is_made) {
    auto client = shared_server().connect();
    BOOST_TEST(client.get("/healthz", {{"X-Request-Id", "abc-123"}}).header("X-Request-Id") ==
               "abc-123");
    const auto made = client.get("/nowhere").header("X-Request-Id");
    BOOST_TEST(!made.empty());
    BOOST_TEST(client.get("/nowhere").header("X-Request-Id") != made);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
