// Bugs that were, each under its own name.
#include <boost/test/unit_test.hpp>
#include <thread>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

BOOST_AUTO_TEST_SUITE(regressions)

// The name became a key longer than the store takes, which ended the process.
BOOST_AUTO_TEST_CASE(a_login_name_longer_than_any_key_is_only_a_wrong_name) {
    auto client = shared_server().connect();
    for (const std::size_t length : {31U, 1015U, 1023U, 1024U, 1025U, 5000U, 60'000U}) {
        const json body{{"username", std::string(length, 'a')}, {"password", default_password}};
        for (const char* route : {"/api/v1/auth/login", "/api/v1/auth/restore"}) {
            const auto answer = client.post(route, body);
            BOOST_TEST((answer.status == 401 || answer.status == 422));
        }
    }
    auto user = shared_server().sign_up();
    for (const std::size_t length : {31U, 1015U, 1024U, 5000U}) {
        check_problem(user.get("/api/v1/users/@" + std::string(length, 'a')), 404);
    }
    check_problem(user.get("/api/v1/users/@%00%C3%A9"), 400);
    check_user(user.get_json("/api/v1/users/me"));
}

// A login that was checked against the old password, and committed while the password changed,
// stayed valid.
BOOST_AUTO_TEST_CASE(no_login_with_the_old_password_outlives_a_change_of_password) {
    auto owner = shared_server().sign_up();
    std::string password{default_password};
    for (int round = 0; round < 6; ++round) {
        const std::string next = "password number " + std::to_string(round);
        std::vector<std::string> tokens(4);
        run_parallel(5, [&](unsigned index) {
            if (index == 4) {
                check_status(owner.post("/api/v1/auth/password",
                                        {{"old_password", password}, {"new_password", next}}),
                             204);
                return;
            }
            auto client = shared_server().connect();
            const auto answer = client.post(
                "/api/v1/auth/login", {{"username", owner.username()}, {"password", password}});
            if (answer.status == 200) {
                tokens[index] = json::parse(answer.body).at("token").get<std::string>();
            }
        });
        for (const std::string& token : tokens) {
            if (!token.empty()) {
                auto client = shared_server().connect();
                client.set_token(token);
                BOOST_TEST(client.get("/api/v1/users/me").status == 401);
            }
        }
        password = next;
    }
}

// Faults were numbered by the files kept, not by the parts sent.
BOOST_AUTO_TEST_CASE(faults_name_the_file_by_its_place_in_the_form) {
    auto user = shared_server().sign_up();
    multipart_body form;
    form.file("files", "empty.jpg", "image/jpeg", "");
    form.file("files", "empty.jpg", "image/jpeg", "");
    check_problem(user.upload(form), 422, {{"files[0]", "empty"}, {"files[1]", "empty"}});
    form.file("files", "text.jpg", "image/jpeg", "just text");
    check_problem(user.upload(form), 415, {{"files[2]", "unsupported_type"}});
}

// Text cut off in the middle of a character was called invalid UTF-8.
BOOST_AUTO_TEST_CASE(very_long_text_is_too_long_and_nothing_else) {
    auto user = shared_server().sign_up();
    std::string text;
    for (int i = 0; i < 20'000; ++i) {
        text += "€";
    }
    check_problem(user.upload(post_form(text)), 422, {{"content", "too_long"}});
}

// Two people who happened to choose the same key were in each other's way.
BOOST_AUTO_TEST_CASE(a_signup_key_belongs_to_the_name_that_signs_up) {
    auto client = shared_server().connect();
    const header_list key{{"Idempotency-Key", "1"}};
    for (int i = 0; i < 2; ++i) {
        const json body{{"username", unique_name("key")}, {"password", default_password}};
        check_login(parse(client.post("/api/v1/auth/signup", body, key), 201));
    }
}

// `updated_at` went back when the older of two requests was committed last.
BOOST_AUTO_TEST_CASE(updated_at_only_moves_forward) {
    auto author = shared_server().sign_up();
    const std::string path = path_of_post(create_post(author));
    std::string last = text(author.get_json(path), "updated_at");
    for (int i = 0; i < 20; ++i) {
        const json edited = parse(author.patch(path, {{"content", "edit " + std::to_string(i)}}));
        BOOST_TEST(text(edited, "updated_at") > last);
        last = text(edited, "updated_at");
    }
}

BOOST_AUTO_TEST_CASE(a_body_without_a_length_is_411) {
    auto client = shared_server().connect();
    client.connection().send(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: localhost\r\n"
        "Content-Type: application/json\r\n\r\n");
    check_problem(client.connection().receive(), 411);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
