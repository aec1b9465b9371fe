// POST /posts: what is accepted, and what becomes of it.
#include <array>
#include <boost/test/unit_test.hpp>
#include <charconv>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

struct sample {
    const char* name;
    const std::string& (*bytes)();
    const char* type;
    const char* content_type;
    const char* extension;
};

constexpr sample samples[] = {
    {"jpeg", sample_jpeg, "image", "image/jpeg", ".jpg"},
    {"progressive jpeg", sample_progressive_jpeg, "image", "image/jpeg", ".jpg"},
    {"turned jpeg", sample_turned_jpeg, "image", "image/jpeg", ".jpg"},
    {"png", sample_png, "image", "image/png", ".png"},
    {"interlaced png", sample_interlaced_png, "image", "image/png", ".png"},
    {"gif", sample_gif, "image", "image/gif", ".gif"},
    {"animated gif", sample_animated_gif, "image", "image/gif", ".gif"},
    {"webp", sample_webp, "image", "image/webp", ".webp"},
    {"animated webp", sample_animated_webp, "image", "image/webp", ".webp"},
    {"heic", sample_heic, "image", "image/heic", ".heic"},
    {"avif", sample_avif, "image", "image/avif", ".avif"},
    {"mp4", sample_mp4, "video", "video/mp4", ".mp4"},
    {"turned mp4", sample_turned_mp4, "video", "video/mp4", ".mp4"},
    {"fragmented mp4", sample_fragmented_mp4, "video", "video/mp4", ".mp4"},
    {"mov", sample_mov, "video", "video/quicktime", ".mov"},
    {"webm", sample_webm, "video", "video/webm", ".webm"},
    {"live webm", sample_live_webm, "video", "video/webm", ".webm"},
};

/// One part as `disposition` says, and the end of the form.
std::string form_with(const std::string& disposition, const std::string& bytes) {
    return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\n" + bytes + "\r\n--b--\r\n";
}

struct uploader {
    api_client user = shared_server().sign_up();

    http_response send_form(const std::string& body) {
        return user.request("POST", "/api/v1/posts",
                            {{"Content-Type", "multipart/form-data; boundary=b"}}, body);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(uploads, uploader)

BOOST_AUTO_TEST_CASE(every_accepted_format_is_known_by_its_content) {
    for (const sample& each : samples) {
        BOOST_TEST_CONTEXT(each.name) {
            multipart_body form;
            // Neither the name nor the type that the client claims counts.
            form.file("files", "page.html", "text/html", each.bytes());
            const json post = parse(user.upload(form), 201);
            check_post(post);
            const json& file = post.at("files").at(0);
            BOOST_TEST(file.at("type") == each.type);
            BOOST_TEST(file.at("content_type") == each.content_type);
            BOOST_TEST(file.at("size") == each.bytes().size());
            BOOST_TEST(file.at("width") == sample_width);
            BOOST_TEST(file.at("height") == sample_height);
            BOOST_TEST(text(file, "url").ends_with(each.extension));
            const auto served = user.get(text(file, "url"));
            check_status(served, 200);
            BOOST_TEST((served.body == each.bytes()));
            BOOST_TEST(served.header("Content-Type") == each.content_type);
        }
    }
}

BOOST_AUTO_TEST_CASE(ten_files_of_all_kinds_keep_their_order) {
    multipart_body form;
    for (std::size_t i = 0; i < 10; ++i) {
        form.file("files", "same name", "", samples[i + 3].bytes());
    }
    form.field("content", "the text may come last");
    const json post = parse(user.upload(form), 201);
    check_post(post);
    BOOST_TEST(text(post, "content") == "the text may come last");
    BOOST_TEST_REQUIRE(post.at("files").size() == 10U);
    for (std::size_t i = 0; i < 10; ++i) {
        const json& file = post.at("files").at(i);
        BOOST_TEST(file.at("position") == i);
        BOOST_TEST(file.at("content_type") == samples[i + 3].content_type);
        BOOST_TEST((user.get(text(file, "url")).body == samples[i + 3].bytes()));
    }
}

BOOST_AUTO_TEST_CASE(file_names_lead_nowhere) {
    for (const std::string& name :
         {std::string(R"(filename="../../../../etc/passwd")"),
          std::string(R"(filename="/etc/passwd")"), std::string(R"(filename="..\\..\\x.jpg")"),
          std::string(R"(filename="a\"b;c.jpg")"), std::string(R"(filename="")"),
          std::string("filename=bare.jpg"), std::string("filename*=UTF-8''%2e%2e%2fx%20%C3%A9"),
          std::string(R"(filename="a.jpg"; filename*=utf-8'en'b%22.jpg)"),
          std::string(R"(filename=".htaccess")"), "filename=\"" + std::string(2000, 'n') + '"'}) {
        BOOST_TEST_CONTEXT(name.substr(0, 80)) {
            const auto answer =
                send_form(form_with(R"(form-data; name="files"; )" + name, small_jpeg()));
            const json post = parse(answer, 201);
            BOOST_TEST(!answer.body.contains("passwd"));
            check_status(user.get(text(post.at("files").at(0), "url")), 200);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_large_upload_may_come_in_chunks) {
    const std::string picture = make_jpeg(1400, 1000, 99);
    multipart_body form;
    form.field("content", "chunked").file("files", "a.jpg", "image/jpeg", picture);
    const std::string body = form.text();
    std::string message = "POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                          user.token() + "\r\nContent-Type: " + form.content_type() +
                          "\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (std::size_t at = 0; at < body.size(); at += 10'007) {
        const auto piece = body.substr(at, 10'007);
        std::array<char, 20> size{};
        const auto end = std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16);
        message += std::string(size.data(), end.ptr) + "\r\n" + piece + "\r\n";
    }
    user.connection().send(message + "0\r\n\r\n");
    const json post = parse(user.connection().receive(), 201);
    BOOST_TEST((user.get(text(post.at("files").at(0), "url")).body == picture));
}

BOOST_AUTO_TEST_CASE(parallel_uploads_all_arrive_whole) {
    constexpr unsigned uploaders = 8;
    std::vector<std::string> pictures;
    pictures.reserve(uploaders);
    for (unsigned i = 0; i < uploaders; ++i) {
        pictures.push_back(make_jpeg(600, 400, 1000 + i));
    }
    std::vector<http_response> answers(uploaders);
    run_parallel(uploaders, [&](unsigned index) {
        auto client = shared_server().connect();
        client.set_token(user.token());
        multipart_body form;
        form.file("files", "a.jpg", "image/jpeg", pictures[index]);
        answers[index] = client.upload(form);
    });
    for (unsigned i = 0; i < uploaders; ++i) {
        const json post = parse(answers[i], 201);
        BOOST_TEST((user.get(text(post.at("files").at(0), "url")).body == pictures[i]));
    }
    BOOST_TEST(user.get_json("/api/v1/users/me").at("post_count") == uploaders);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
