// Files: ranges and conditions as RFC 9110 §13 and §14 say.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

struct range_case {
    test::header_list headers;
    unsigned status;
    std::string content_range;  ///< empty: none
    std::size_t offset;
    std::size_t length;
};

const std::string etag(sample_etag);
const std::string date(sample_date);

std::vector<range_case> range_cases() {
    constexpr std::size_t size = 100'000;
    return {
        {{}, 200, "", 0, size},
        {{{"Range", "bytes=0-9"}}, 206, "bytes 0-9/100000", 0, 10},
        {{{"Range", "bytes=0-0"}}, 206, "bytes 0-0/100000", 0, 1},
        {{{"Range", "BYTES=500-599"}}, 206, "bytes 500-599/100000", 500, 100},
        {{{"Range", "bytes=99999-"}}, 206, "bytes 99999-99999/100000", 99999, 1},
        {{{"Range", "bytes=0-"}}, 206, "bytes 0-99999/100000", 0, size},
        {{{"Range", "bytes=99990-200000"}}, 206, "bytes 99990-99999/100000", 99990, 10},
        {{{"Range", "bytes=-10"}}, 206, "bytes 99990-99999/100000", 99990, 10},
        {{{"Range", "bytes=-200000"}}, 206, "bytes 0-99999/100000", 0, size},
        {{{"Range", "bytes=5-99999999999999999999999"}}, 206, "bytes 5-99999/100000", 5, size - 5},
        {{{"Range", "bytes=100000-"}}, 416, "bytes */100000", 0, 0},
        {{{"Range", "bytes=99999999999999999999-"}}, 416, "bytes */100000", 0, 0},
        {{{"Range", "bytes=-0"}}, 416, "bytes */100000", 0, 0},
        // What can't be understood is as if it were not there.
        {{{"Range", "bytes=9-5"}}, 200, "", 0, size},
        {{{"Range", "bytes=-"}}, 200, "", 0, size},
        {{{"Range", "bytes=a-b"}}, 200, "", 0, size},
        {{{"Range", "bytes=0-1,5-6"}}, 200, "", 0, size},
        {{{"Range", "lines=0-1"}}, 200, "", 0, size},
        {{{"Range", "bytes 0-1"}}, 200, "", 0, size},
        {{{"Range", "bytes=0-9"}, {"If-Range", etag}}, 206, "bytes 0-9/100000", 0, 10},
        {{{"Range", "bytes=0-9"}, {"If-Range", "\"other\""}}, 200, "", 0, size},
        {{{"Range", "bytes=0-9"}, {"If-Range", "W/" + etag}}, 200, "", 0, size},
        {{{"Range", "bytes=0-9"}, {"If-Range", date}}, 206, "bytes 0-9/100000", 0, 10},
        {{{"Range", "bytes=0-9"}, {"If-Range", "Sun, 06 Nov 1994 08:49:38 GMT"}}, 200, "", 0, size},
        {{{"Range", "bytes=100000-"}, {"If-Range", "\"other\""}}, 200, "", 0, size},
        {{{"If-None-Match", etag}}, 304, "", 0, 0},
        {{{"If-None-Match", "W/" + etag}}, 304, "", 0, 0},
        {{{"If-None-Match", "\"a\", " + etag}}, 304, "", 0, 0},
        {{{"If-None-Match", "*"}}, 304, "", 0, 0},
        {{{"If-None-Match", "\"a,v1\""}}, 200, "", 0, size},
        {{{"If-Modified-Since", date}}, 304, "", 0, 0},
        {{{"If-Modified-Since", "Sunday, 06-Nov-94 08:49:37 GMT"}}, 304, "", 0, 0},
        {{{"If-Modified-Since", "Sun Nov  6 08:49:37 1994"}}, 304, "", 0, 0},
        {{{"If-Modified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}, 200, "", 0, size},
        {{{"If-Modified-Since", "yesterday"}}, 200, "", 0, size},
        {{{"If-None-Match", "\"a\""}, {"If-Modified-Since", date}}, 200, "", 0, size},
        {{{"If-None-Match", etag}, {"Range", "bytes=0-9"}}, 304, "", 0, 0},
        {{{"If-None-Match", "\"a\""}, {"If-None-Match", etag}}, 304, "", 0, 0},
        // If-Match and If-Unmodified-Since come first.
        {{{"If-Match", etag}}, 200, "", 0, size},
        {{{"If-Match", "*"}}, 200, "", 0, size},
        {{{"If-Match", "\"a\""}, {"If-Match", etag}}, 200, "", 0, size},
        {{{"If-Match", "\"a\""}}, 412, "", 0, 0},
        {{{"If-Match", "W/" + etag}}, 412, "", 0, 0},
        {{{"If-Match", "\"a\""}, {"If-None-Match", etag}}, 412, "", 0, 0},
        {{{"If-Match", "\"a\""}, {"Range", "bytes=0-9"}}, 412, "", 0, 0},
        {{{"If-Match", etag}, {"If-None-Match", etag}}, 304, "", 0, 0},
        {{{"If-Match", etag}, {"Range", "bytes=0-9"}}, 206, "bytes 0-9/100000", 0, 10},
        {{{"If-Unmodified-Since", date}}, 200, "", 0, size},
        {{{"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}}, 412, "", 0, 0},
        {{{"If-Unmodified-Since", "yesterday"}}, 200, "", 0, size},
        {{{"If-Match", etag}, {"If-Unmodified-Since", "Sun, 06 Nov 1994 08:49:36 GMT"}},
         200,
         "",
         0,
         size},
    };
}

BOOST_AUTO_TEST_SUITE(ranges)

BOOST_AUTO_TEST_CASE(the_table) {
    test_server server;
    auto client = server.connect();
    const auto whole = sample_file_bytes();
    for (const auto& expected : range_cases()) {
        const auto& headers = expected.headers;
        const auto last = headers.empty() ? "none" : headers.front().second + headers.back().second;
        BOOST_TEST_CONTEXT(last) {
            const auto answer = client.request("GET", "/file", headers);
            BOOST_TEST(answer.status == expected.status);
            BOOST_TEST(answer.header("Content-Range") == expected.content_range);
            // A refusal that is about the request alone describes no file.
            const bool described = answer.status != 412;
            BOOST_TEST(answer.header("ETag") == (described ? etag : ""));
            BOOST_TEST(answer.header("Last-Modified") == (described ? date : ""));
            BOOST_TEST(answer.header("Accept-Ranges") == (described ? "bytes" : ""));
            BOOST_TEST(answer.header("X-Content-Type-Options") == "nosniff");
            if (answer.status < 300) {
                BOOST_TEST(answer.header("Content-Type") == "image/jpeg");
                BOOST_TEST((answer.body == whole.substr(expected.offset, expected.length)));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(head_ignores_ranges) {
    test_server server;
    const auto answer = server.connect().request("HEAD", "/file", {{"Range", "bytes=0-9"}});
    BOOST_TEST(answer.status == 200U);
    BOOST_TEST(answer.header("Content-Length") == "100000");
}

BOOST_AUTO_TEST_CASE(pipelined_files_arrive_whole) {
    test_server server;
    auto client = server.connect();
    std::string messages;
    for (int i = 0; i < 50; ++i) {
        messages += get("/file") + get("/hello");
    }
    client.send(messages);
    for (int i = 0; i < 50; ++i) {
        BOOST_REQUIRE((client.receive().body == sample_file_bytes()));
        BOOST_REQUIRE_EQUAL(client.receive().body, "hello");
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
