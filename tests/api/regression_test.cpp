// Bugs that were, each under its own name.
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <thread>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"
#include "tests/support/media_samples.hpp"

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
    check_problem(user.upload(form), 415,
                  {{"files[0]", "empty"}, {"files[1]", "empty"}, {"files[2]", "unsupported_type"}});
}

// A damaged file hid what was wrong behind it.
BOOST_AUTO_TEST_CASE(all_that_is_wrong_with_an_upload_is_said_at_once) {
    auto user = shared_server().sign_up();
    multipart_body form;
    form.field("title", "x");
    form.file("files", "cut.jpg", "image/jpeg", sample_jpeg().substr(0, sample_jpeg().size() / 2));
    form.file("files", "cut.png", "image/png", sample_png().substr(0, sample_png().size() / 2));
    form.field("content", std::string(3000, 'x'));
    check_problem(user.upload(form), 422,
                  {{"title", "unknown_field"},
                   {"files[0]", "corrupt"},
                   {"files[1]", "corrupt"},
                   {"content", "too_long"}});
}

// A bad name hid bad values, and the other way round.
BOOST_AUTO_TEST_CASE(all_that_is_wrong_with_a_query_is_said_at_once) {
    auto user = shared_server().sign_up();
    check_problem(user.get("/api/v1/posts?foo=1&page_size=0&author=x&foo=2&cursor=!"), 400,
                  {{"foo", "unknown_parameter"},
                   {"page_size", "invalid_page_size"},
                   {"author", "invalid_id"}});
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

// The login was looked at when a request began, so that a slow body outlived its end.
BOOST_AUTO_TEST_CASE(what_a_login_has_begun_ends_with_it) {
    auto owner = shared_server().sign_up();
    const json post = create_post(owner);
    auto thief = shared_server().connect();
    const json body{{"username", owner.username()}, {"password", default_password}};
    thief.adopt(parse(thief.post("/api/v1/auth/login", body)));
    const auto begin = [&](const std::string& target, const std::string& type,
                           const std::string& text) {
        auto client = shared_server().connect();
        client.connection().send("POST " + target + " HTTP/1.1\r\nHost: localhost\r\n" +
                                 "Authorization: Bearer " + thief.token() + "\r\nContent-Type: " +
                                 type + "\r\nContent-Length: " + std::to_string(text.size()) +
                                 "\r\n\r\n" + text.substr(0, text.size() / 2));
        return client;
    };
    multipart_body form;
    form.file("files", "photo.jpg", "image/jpeg", sample_jpeg());
    const std::string upload = form.text();
    const std::string comment = R"({"content": "mine"})";
    auto uploading = begin("/api/v1/posts", form.content_type(), upload);
    auto commenting = begin(path_of_post(post) + "/comments", "application/json", comment);

    check_status(owner.post("/api/v1/auth/password", {{"old_password", default_password},
                                                      {"new_password", "another password"}}),
                 204);
    uploading.connection().send(upload.substr(upload.size() / 2));
    commenting.connection().send(comment.substr(comment.size() / 2));
    check_problem(uploading.connection().receive(), 401);
    check_problem(commenting.connection().receive(), 401);
    BOOST_TEST(walk(owner, "/api/v1/posts?author=me").size() == 1U);
    BOOST_TEST(walk(owner, "/api/v1/comments?post=" + text(post, "id")).empty());
}

// The key was bound to the username, so that the same key made two accounts.
BOOST_AUTO_TEST_CASE(a_signup_key_serves_for_one_account) {
    auto client = shared_server().connect();
    const header_list key{{"Idempotency-Key", unique_name("key")}};
    const json body{{"username", unique_name("key")}, {"password", default_password}};
    const json first = parse(client.post("/api/v1/auth/signup", body, key), 201);
    const json other{{"username", unique_name("key")}, {"password", default_password}};
    check_problem(client.post("/api/v1/auth/signup", other, key), 422,
                  {{"Idempotency-Key", "reused"}});
    BOOST_TEST(parse(client.post("/api/v1/auth/signup", body, key), 201) == first);
}

BOOST_AUTO_TEST_CASE(an_empty_idempotency_key_is_no_key) {
    auto client = shared_server().connect();
    const json body{{"username", unique_name("key")}, {"password", default_password}};
    check_problem(client.post("/api/v1/auth/signup", body, {{"Idempotency-Key", ""}}), 400);
}

// An upload was compared with the free space by its whole length at every piece, so that what it
// had stored already counted twice.
BOOST_AUTO_TEST_CASE(an_upload_that_fits_is_not_refused_midway) {
    const auto free_bytes = [] {
        return std::filesystem::space(std::filesystem::temp_directory_path()).available;
    };
    const std::string photo = make_jpeg(4000, 3500, 1);
    constexpr int photos = 10;
    multipart_body form;
    for (int i = 0; i < photos; ++i) {
        form.file("files", "large.jpg", "image/jpeg", photo);
    }
    const std::uint64_t upload_bytes = form.text().size();
    BOOST_REQUIRE_GT(upload_bytes, 80'000'000U);
    // Others use the disk too, the database's logs among them: an attempt counts only if they took
    // or gave clearly less than what is left over.
    constexpr int attempts_max = 10;
    bool was_refused = false;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        auto options = without_rate_limits();
        const std::uint64_t before = free_bytes();
        options.upload_reserve_bytes = before - upload_bytes * 3 / 2;
        api_server server(options);
        auto user = server.sign_up();
        const auto taken = user.upload(form);
        const std::uint64_t expected = before - (taken.status == 201 ? upload_bytes : 0);
        const std::uint64_t after = free_bytes();
        const auto others = after > expected ? after - expected : expected - after;
        if (others > upload_bytes * 2 / 5) {
            continue;
        }
        if (taken.status == 507) {
            // Others may have needed the room for a moment, but not at each attempt.
            was_refused = true;
            continue;
        }
        check_status(taken, 201);
        check_status(user.upload(form), 507);
        return;
    }
    BOOST_TEST(!was_refused, "an upload that fits was refused each time");
    BOOST_TEST_MESSAGE("the disk was never quiet enough to tell");
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
