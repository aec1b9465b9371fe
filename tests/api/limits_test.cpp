// What one client may cost: rate limits, full queues, rows read.
#include <boost/test/unit_test.hpp>
#include <sstream>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

/// Sends until 429 comes, at most `most` times; how many were taken before.
template <class Send>
int taken_before_refusal(const Send& send, int most) {
    for (int taken = 0; taken < most; ++taken) {
        const http_response answer = send();
        if (answer.status == 429) {
            check_problem(answer, 429);
            BOOST_TEST(std::stoi(answer.header("Retry-After")) >= 1);
            return taken;
        }
    }
    return most;
}

/// Adds a photo of exactly so many bytes: a comment fills it up.
multipart_body& add_photo(multipart_body& form, std::size_t bytes) {
    std::string photo = small_jpeg();
    const std::size_t comment_bytes =
        bytes - photo.size() - 2;  // the length counts, its marker not
    std::string comment = "\xff\xfe";
    comment += static_cast<char>(comment_bytes >> 8U);
    comment += static_cast<char>(comment_bytes & 0xffU);
    comment.append(comment_bytes - 2, 'c');
    photo.insert(2, comment);
    BOOST_TEST_REQUIRE(photo.size() == bytes);
    return form.file("files", "a.jpg", "image/jpeg", photo);
}

/// The body in chunks, whose sizes are no round number.
http_response send_chunked(api_client& client, const std::string& target,
                           const std::string& content_type, const std::string& body) {
    constexpr std::size_t chunk_bytes = 1237;
    std::ostringstream message;
    message << "POST " << target << " HTTP/1.1\r\nHost: a\r\nContent-Type: " << content_type
            << "\r\nTransfer-Encoding: chunked\r\n";
    if (!client.token().empty()) {
        message << "Authorization: Bearer " << client.token() << "\r\n";
    }
    message << "\r\n" << std::hex;
    for (std::size_t at = 0; at < body.size(); at += chunk_bytes) {
        const std::string data = body.substr(at, chunk_bytes);
        message << data.size() << "\r\n" << data << "\r\n";
    }
    message << "0\r\n\r\n";
    client.connection().reconnect();
    client.connection().send_until_closed(message.str());
    return client.connection().receive();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(logins_signups_and_writes_are_limited) {
    api_server server{handlers::api_options{}};
    auto user = server.sign_up();
    auto nobody = server.connect();
    const int logins = taken_before_refusal([&] { return nobody.post("/api/v1/auth/login"); }, 100);
    BOOST_TEST(logins >= 20);
    BOOST_TEST(logins < 50);
    const int signups =
        taken_before_refusal([&] { return nobody.post("/api/v1/auth/signup"); }, 100);
    BOOST_TEST(signups >= 19);
    BOOST_TEST(signups < 50);
    const auto write = [&] { return user.patch("/api/v1/users/me", json::object({{"x", "y"}})); };
    const int writes = taken_before_refusal(write, 5000);
    BOOST_TEST(writes >= 200);
    BOOST_TEST(writes < 5000);
    // Reading, and ending a login, stay possible.
    check_status(user.get("/api/v1/users/me"), 200);
    check_status(user.post("/api/v1/auth/logout"), 204);
}

/// With Content-Length and in chunks.
BOOST_AUTO_TEST_CASE(json_bodies_at_their_limit) {
    const auto options = without_rate_limits();
    api_server server(options);
    auto client = server.connect();
    for (const auto& [bytes, status] :
         {std::pair(options.json_bytes_max - 1, 401U), std::pair(options.json_bytes_max, 401U),
          std::pair(options.json_bytes_max + 1, 413U)}) {
        std::string body = R"({"username": "nobody", "password": "correct horse"})";
        body.append(bytes - body.size(), ' ');
        check_problem(client.send_json("POST", "/api/v1/auth/login", body), status);
        check_problem(send_chunked(client, "/api/v1/auth/login", "application/json", body), status);
    }
}

BOOST_AUTO_TEST_CASE(images_and_uploads_at_their_limits) {
    constexpr std::size_t image_bytes_max = 5000;
    constexpr std::size_t upload_bytes_max = 8000;
    auto options = without_rate_limits();
    options.media_limits.image_bytes_max = image_bytes_max;
    options.upload_bytes_max = upload_bytes_max;
    api_server server(options);
    auto user = server.sign_up();
    const auto check = [&user](const multipart_body& form, unsigned status) {
        check_status(user.upload(form), status);
        check_status(send_chunked(user, "/api/v1/posts", form.content_type(), form.text()), status);
    };
    multipart_body frame;
    add_photo(add_photo(frame, image_bytes_max), 2000);
    const std::size_t second_bytes = upload_bytes_max - (frame.text().size() - 2000);
    for (const auto& [below, status] :
         {std::pair(1, 201U), std::pair(0, 201U), std::pair(-1, 413U)}) {
        const auto fewer = static_cast<std::size_t>(below);  // modulo, as sizes count
        multipart_body single;
        check(add_photo(single, image_bytes_max - fewer), status);
        multipart_body two;
        add_photo(add_photo(two, image_bytes_max), second_bytes - fewer);
        BOOST_TEST_REQUIRE(two.text().size() == upload_bytes_max - fewer);
        check(two, status);
    }
    BOOST_TEST(walk(user, "/api/v1/posts").size() == 8U);
}

/// It ended before its type was known, and was measured as a whole then.
BOOST_AUTO_TEST_CASE(a_very_small_file_over_a_smaller_limit_was_422) {
    auto options = without_rate_limits();
    options.media_limits.image_bytes_max = 500;
    api_server server(options);
    auto user = server.sign_up();
    check_problem(user.upload(post_form("x")), 413, {{"files[0]", "too_large"}});
}

BOOST_AUTO_TEST_CASE(a_full_hash_queue_answers_503_and_loses_nothing) {
    auto options = without_rate_limits();
    options.hash_threads = 1;
    options.hash_queue_max = 1;
    api_server server(options);
    constexpr unsigned clients = 24;
    std::atomic<unsigned> created = 0;
    std::atomic<unsigned> overloaded = 0;
    std::atomic<unsigned> told_to_wait = 0;
    run_parallel(clients, [&](unsigned) {
        auto client = server.connect();
        const auto answer = client.post("/api/v1/auth/signup", {{"username", unique_name("many")},
                                                                {"password", default_password}});
        created += answer.status == 201 ? 1 : 0;
        overloaded += answer.status == 503 ? 1 : 0;
        told_to_wait += answer.has_header("Retry-After") ? 1 : 0;
    });
    BOOST_TEST(created + overloaded == clients);
    BOOST_TEST(created >= 1U);
    BOOST_TEST(overloaded >= 1U);
    BOOST_TEST(told_to_wait == overloaded);
    auto viewer = server.sign_up();
    BOOST_TEST(walk(viewer, "/api/v1/users").size() == created + 1U);
}

BOOST_AUTO_TEST_CASE(a_list_that_would_read_too_much_ends_early_and_goes_on) {
    auto options = without_rate_limits();
    options.rows_read_max = 10;
    api_server server(options);
    auto user = server.sign_up();
    const json kept = create_post(user);
    create_comment(user, kept);
    const json deleted = create_post(user);
    for (int i = 0; i < 40; ++i) {
        create_comment(user, deleted);
    }
    check_status(user.remove("/api/v1/posts/" + text(deleted, "id")), 204);
    const json first = user.get_json("/api/v1/comments?page_size=2");
    BOOST_TEST(first.at("results").empty());
    BOOST_TEST(!first.at("next").is_null());
    BOOST_TEST(walk(user, "/api/v1/comments?page_size=2").size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
