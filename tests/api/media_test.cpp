// GET /media/…: the files themselves.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

struct served_file {
    api_client user = shared_server().sign_up();
    std::string bytes = make_jpeg(128, 96, 7);
    json post = [this] {
        multipart_body form;
        form.file("files", "photo.jpg", "image/jpeg", bytes);
        return parse(user.upload(form), 201);
    }();
    std::string url = text(post.at("files").at(0), "url");
    /// Who has no login: media need none.
    api_client browser = shared_server().connect();
};

void check_inert(const http_response& answer) {
    BOOST_TEST(answer.header("X-Content-Type-Options") == "nosniff");
    const std::string policy = answer.header("Content-Security-Policy");
    BOOST_TEST(policy.contains("default-src 'none'"));
    BOOST_TEST(policy.contains("sandbox"));
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(media, served_file)

BOOST_AUTO_TEST_CASE(a_file_is_served_as_it_was_sent_and_can_do_no_harm) {
    const auto answer = browser.get(url);
    check_status(answer, 200);
    BOOST_TEST((answer.body == bytes));
    BOOST_TEST(answer.header("Content-Type") == "image/jpeg");
    BOOST_TEST(answer.header("Content-Length") == std::to_string(bytes.size()));
    BOOST_TEST(answer.header("Cache-Control") == "public, max-age=31536000, immutable");
    BOOST_TEST(answer.header("Accept-Ranges") == "bytes");
    BOOST_TEST(answer.has_header("Last-Modified"));
    check_inert(answer);
    const auto head = browser.request("HEAD", url);
    BOOST_TEST(head.status == 200U);
    BOOST_TEST(head.header("Content-Length") == std::to_string(bytes.size()));
    check_inert(head);
}

BOOST_AUTO_TEST_CASE(a_known_tag_or_date_gives_304) {
    const auto first = browser.get(url);
    const std::string tag = first.header("ETag");
    for (const auto& [name, value] :
         header_list{{"If-None-Match", tag},
                     {"If-None-Match", "\"x\", W/" + tag},
                     {"If-Modified-Since", first.header("Last-Modified")}}) {
        const auto answer = browser.get(url, {{name, value}});
        BOOST_TEST(answer.status == 304U);
        BOOST_TEST(answer.body.empty());
        BOOST_TEST(answer.header("ETag") == tag);
        check_inert(answer);
    }
    check_status(browser.get(url, {{"If-None-Match", "\"other\""}}), 200);
}

BOOST_AUTO_TEST_CASE(a_failed_precondition_was_to_be_cached_for_ever) {
    const auto answer = browser.get(url, {{"If-Match", "\"other\""}});
    check_problem(answer, 412);
    BOOST_TEST(answer.header("Cache-Control") == "no-store");
    check_inert(answer);
}

BOOST_AUTO_TEST_CASE(ranges_give_the_bytes_they_name) {
    const std::size_t size = bytes.size();
    struct range {
        std::string header;
        std::size_t offset;
        std::size_t length;
    };
    for (const range& r : {range{"bytes=0-0", 0, 1}, range{"bytes=10-19", 10, 10},
                           range{"bytes=100-", 100, size - 100}, range{"bytes=-5", size - 5, 5},
                           range{"bytes=" + std::to_string(size - 1) + "-9999999", size - 1, 1},
                           range{"bytes=-99999999", 0, size}}) {
        BOOST_TEST_CONTEXT(r.header) {
            const auto answer = browser.get(url, {{"Range", r.header}});
            BOOST_TEST(answer.status == 206U);
            BOOST_TEST((answer.body == bytes.substr(r.offset, r.length)));
            BOOST_TEST(answer.header("Content-Range") ==
                       "bytes " + std::to_string(r.offset) + "-" +
                           std::to_string(r.offset + r.length - 1) + "/" + std::to_string(size));
            check_inert(answer);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_range_behind_the_end_is_416) {
    for (const std::string& header :
         {"bytes=" + std::to_string(bytes.size()) + "-", std::string("bytes=-0")}) {
        const auto answer = browser.get(url, {{"Range", header}});
        check_problem(answer, 416);
        BOOST_TEST(answer.header("Content-Range") == "bytes */" + std::to_string(bytes.size()));
        check_inert(answer);
    }
}

BOOST_AUTO_TEST_CASE(a_range_counts_only_for_the_version_that_if_range_names) {
    const std::string tag = browser.get(url).header("ETag");
    BOOST_TEST(browser.get(url, {{"Range", "bytes=0-3"}, {"If-Range", tag}}).status == 206U);
    const auto whole = browser.get(url, {{"Range", "bytes=0-3"}, {"If-Range", "\"old\""}});
    BOOST_TEST(whole.status == 200U);
    BOOST_TEST((whole.body == bytes));
}

BOOST_AUTO_TEST_CASE(no_path_leads_out_of_the_public_files) {
    const std::string name = url.substr(url.rfind('/') + 1);
    for (const std::string& path : {std::string("/media/"),
                                    std::string("/media"),
                                    std::string("/media/.."),
                                    std::string("/media/../secret.key"),
                                    std::string("/media/../../secret.key"),
                                    std::string("/media/%2e%2e/secret.key"),
                                    std::string("/media/..%2f..%2fsecret.key"),
                                    std::string("/media/%2e%2e%2fsecret.key"),
                                    std::string("/media/....//secret.key"),
                                    std::string("/media/../incoming/" + name),
                                    std::string("/media/../public") + url,
                                    std::string("/media//etc/passwd"),
                                    std::string("/media/%2fetc%2fpasswd"),
                                    std::string("/media/aa/"),
                                    url.substr(0, url.rfind('/')),
                                    url + "/",
                                    url + "/x",
                                    url + "%00",
                                    url + ".bak",
                                    "/media/" + name,
                                    std::string("/media/.hidden"),
                                    "/media/" + std::string(5000, 'a'),
                                    std::string("/media/\\..\\secret.key"),
                                    std::string("/media/%c0%ae%c0%ae/secret.key")}) {
        BOOST_TEST_CONTEXT(path.substr(0, 100)) {
            const auto answer = browser.get(path);
            // One slash at the end is tolerated as everywhere.
            const bool is_the_file = path == url + "/";
            BOOST_TEST((answer.status == 404 || answer.status == 400 ||
                        (is_the_file && answer.status == 200)),
                       answer.status);
        }
    }
}

BOOST_AUTO_TEST_CASE(names_of_files_cannot_be_guessed) {
    const json second = create_post(user);
    const std::string other = text(second.at("files").at(0), "url");
    const auto token = [](const std::string& at) {
        const auto slash = at.rfind('/');
        return at.substr(slash + 1, at.rfind('.') - slash - 1);
    };
    BOOST_TEST(token(url).size() == 32U);
    BOOST_TEST(token(other) != token(url));
    // The same bytes twice are two files: deleting one must not take the other.
    multipart_body again;
    again.file("files", "photo.jpg", "image/jpeg", bytes);
    const json twin = parse(user.upload(again), 201);
    check_status(user.remove(path_of_post(twin)), 204);
    check_status(browser.get(url), 200);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
