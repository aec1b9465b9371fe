// Uploads that are refused, or never end: nothing of them stays.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

constexpr std::uint64_t image_bytes_max = 400'000;
constexpr std::uint64_t upload_bytes_max = 2'000'000;

handlers::api_options small_limits() {
    auto options = without_rate_limits();
    options.media_limits.image_bytes_max = image_bytes_max;
    options.upload_bytes_max = upload_bytes_max;
    return options;
}

/// A server of its own, so that whatever lies in its folders is from this test.
struct refusing_server {
    api_server server{small_limits()};
    api_client user = server.sign_up();

    http_response send_file(const std::string& bytes) {
        multipart_body form;
        form.field("content", "x").file("files", "a.jpg", "image/jpeg", bytes);
        return user.upload(form);
    }

    http_response send_raw(const std::string& body) {
        return user.request("POST", "/api/v1/posts",
                            {{"Content-Type", "multipart/form-data; boundary=b"}}, body);
    }

    /// Nothing of a refused upload is left: no row, no file.
    void check_nothing_left() {
        BOOST_TEST(eventually([&] { return server.media_files("incoming").empty(); }));
        BOOST_TEST(server.media_files("public").empty());
        BOOST_TEST(server.media_files("hidden").empty());
        BOOST_TEST(walk(user, "/api/v1/posts").empty());
        BOOST_TEST(walk(user, "/api/v1/files").empty());
        BOOST_TEST(user.get_json("/api/v1/users/me").at("post_count") == 0);
    }
};

std::string part(const std::string& disposition, const std::string& bytes) {
    return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\n" + bytes + "\r\n";
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(upload_refusals, refusing_server)

BOOST_AUTO_TEST_CASE(other_types_are_refused_with_what_is_accepted) {
    using namespace std::string_literals;
    for (const std::string& bytes :
         {R"(<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>)"s,
          R"(<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>)"s,
          "<!doctype html><html><script>alert(1)</script>"s, "plain text"s, "x"s,
          "II*\0\x08\0\0\0"s + std::string(500, '\0'), "MM\0*\0\0\0\x08"s + std::string(500, '\0'),
          "BM"s + std::string(500, 'x'), "%PDF-1.7\n"s + std::string(500, 'x'),
          "PK\x03\x04"s + std::string(500, 'x'), "\x7F"s + "ELF" + std::string(500, 'x'),
          "GIF00a"s + std::string(500, 'x'), std::string(1000, '\0')}) {
        BOOST_TEST_CONTEXT(bytes.substr(0, 20)) {
            const json problem =
                check_problem(send_file(bytes), 415, {{"files[0]", "unsupported_type"}});
            BOOST_TEST((problem.at("accepted") ==
                        json{"image/jpeg", "image/png", "image/gif", "image/webp", "image/heic",
                             "image/avif", "video/mp4", "video/quicktime", "video/webm"}));
        }
    }
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(a_file_that_was_cut_short_is_refused) {
    for (const std::string* whole :
         {&sample_jpeg(), &sample_progressive_jpeg(), &sample_png(), &sample_gif(), &sample_webp(),
          &sample_heic(), &sample_avif(), &sample_mp4(), &sample_mov(), &sample_webm()}) {
        check_problem(send_file(whole->substr(0, whole->size() * 2 / 3)), 422,
                      {{"files[0]", "corrupt"}});
    }
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(a_picture_that_would_unpack_to_gigabytes_is_refused_quickly) {
    auto options = without_rate_limits();
    api_server usual(options);
    auto sender = usual.sign_up();
    multipart_body form;
    form.file("files", "bomb.png", "image/png", bomb_png());
    const auto begun = std::chrono::steady_clock::now();
    check_problem(sender.upload(form), 422, {{"files[0]", "too_many_pixels"}});
    BOOST_TEST((std::chrono::steady_clock::now() - begun < std::chrono::seconds(5)));
    BOOST_TEST(usual.media_files("public").empty());
}

BOOST_AUTO_TEST_CASE(a_file_or_an_upload_over_its_limit_is_413) {
    const std::string large = make_jpeg(1400, 1000, 5);
    BOOST_TEST_REQUIRE(large.size() > image_bytes_max);
    BOOST_TEST_REQUIRE(large.size() < upload_bytes_max);
    check_problem(send_file(large), 413, {{"files[0]", "too_large"}});
    check_problem(send_file(sample_jpeg() + std::string(upload_bytes_max, '\0')), 413);
    user.connection().reconnect();

    // Announced alone, before a byte of it came.
    auto& connection = user.connection();
    connection.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                    user.token() +
                    "\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: "
                    "99999999999\r\nExpect: 100-continue\r\n\r\n");
    check_problem(connection.receive(), 413);
    connection.reconnect();
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(a_post_has_one_to_ten_files) {
    check_problem(user.upload(post_form("none", 0)), 422, {{"files", "required"}});
    check_problem(user.upload(post_form("eleven", 11)), 422, {{"files", "too_many"}});
    user.connection().reconnect();
    multipart_body empty_file;
    empty_file.file("files", "a.jpg", "image/jpeg", "");
    check_problem(user.upload(empty_file), 422, {{"files[0]", "empty"}});
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(parts_that_nobody_asked_for_are_named) {
    multipart_body form;
    form.field("content", "x")
        .field("author", "1")
        .field("is_deleted", "false")
        .file("photo", "a.jpg", "image/jpeg", small_jpeg())
        .file("files", "a.jpg", "image/jpeg", small_jpeg());
    check_problem(
        user.upload(form), 422,
        {{"author", "unknown_field"}, {"is_deleted", "unknown_field"}, {"photo", "unknown_field"}});
    multipart_body twice;
    twice.field("content", "x").field("content", "y").file("files", "a", "", small_jpeg());
    check_problem(user.upload(twice), 422, {{"content", "repeated"}});
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(the_text_of_a_post_has_the_same_limits_as_elsewhere) {
    std::string longest;
    for (int i = 0; i < 2200; ++i) {
        longest += "\U0001F600";
    }
    check_problem(user.upload(post_form(longest + "x")), 422, {{"content", "too_long"}});
    check_problem(user.upload(post_form(std::string(300'000, 'x'))), 422,
                  {{"content", "too_long"}});
    check_problem(user.upload(post_form("\xFF\xFE")), 422, {{"content", "invalid_utf8"}});
    check_problem(user.upload(post_form(std::string_view("a\0b", 3))), 422,
                  {{"content", "nul_character"}});
    check_nothing_left();
    BOOST_TEST(parse(user.upload(post_form(longest)), 201).at("content") == longest);
}

BOOST_AUTO_TEST_CASE(what_is_no_form_is_refused) {
    for (const char* type :
         {"application/json", "application/x-www-form-urlencoded", "multipart/mixed; boundary=b",
          "multipart/form-data", "image/jpeg", "multipart/form-data; boundary="}) {
        BOOST_TEST_CONTEXT(type) {
            const json problem = check_problem(
                user.request("POST", "/api/v1/posts", {{"Content-Type", type}}, "--b--\r\n"), 415);
            BOOST_TEST((problem.at("accepted") == json{"multipart/form-data"}));
        }
    }
    const std::string files = R"(form-data; name="files"; filename="a.jpg")";
    for (const std::string& body :
         {std::string(), std::string("no boundary at all"), std::string("--b\r\n"),
          part(files, small_jpeg()), part(files, small_jpeg()) + "--b", part("attachment", "x"),
          part("form-data", "x") + "--b--\r\n", std::string("--b\r\n\r\nx\r\n--b--\r\n"),
          "--c\r\nContent-Disposition: " + files + "\r\n\r\nx\r\n--c--\r\n",
          part("form-data; name=\"\xFF\"", "x") + "--b--\r\n"}) {
        BOOST_TEST_CONTEXT(body.substr(0, 60)) {
            check_problem(send_raw(body), 400);
            user.connection().reconnect();
        }
    }
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(one_bad_file_takes_the_good_ones_with_it) {
    multipart_body form;
    form.file("files", "a.jpg", "image/jpeg", small_jpeg())
        .file("files", "b.jpg", "image/jpeg", sample_jpeg())
        .file("files", "c.txt", "text/plain", "not a picture");
    check_problem(user.upload(form), 415, {{"files[2]", "unsupported_type"}});
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(an_upload_that_breaks_off_leaves_nothing) {
    const std::string body = part(R"(form-data; name="files"; filename="a.jpg")", sample_jpeg()) +
                             part(R"(form-data; name="files"; filename="b.jpg")", sample_jpeg());
    {
        http_client cut(server.port());
        cut.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + user.token() +
                 "\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: " +
                 std::to_string(body.size() + 9) + "\r\n\r\n" + body);
        BOOST_TEST(eventually([&] { return !server.media_files("incoming").empty(); }));
    }
    check_nothing_left();
    server.restart();
    user.move_to(server.port());
    check_nothing_left();
}

BOOST_AUTO_TEST_CASE(an_upload_without_a_login_is_refused_before_its_body) {
    http_client nobody(server.port());
    nobody.send(
        "POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; "
        "boundary=b\r\n"
        "Content-Length: 100000\r\nExpect: 100-continue\r\n\r\n");
    check_problem(nobody.receive(), 401);
    check_nothing_left();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
