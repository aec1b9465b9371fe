// JSON that is no honest client's, through the real program.
#include <boost/test/unit_test.hpp>

#include "tests/hostile/attacked_server.hpp"

namespace pinhole::test {

namespace {

using namespace std::string_literals;

struct json_body {
    const char* name;
    std::string bytes;
    unsigned status;
};

/// A body whose content is this JSON value.
std::string with_content(const std::string& value) {
    return R"({"content":)" + value + '}';
}

std::vector<json_body> bodies() {
    constexpr std::size_t near_limit = 60'000;
    return {
        {"a member twice", R"({"content":"a","content":"b"})", 400},
        {"a member twice, once escaped", R"({"content":"a","\u0063ontent":"b"})", 400},
        {"a long member twice", "{\"" + repeated("é", 40) + "\":1,\"" + repeated("é", 40) + "\":1}",
         400},
        {"the same member twice inside another", with_content(R"({"a":1,"a":2})"), 422},
        {"arrays as deep as the body", with_content(repeated("[", near_limit)), 400},
        {"closed arrays as deep as the body",
         with_content(repeated("[", near_limit / 2) + repeated("]", near_limit / 2)), 400},
        {"objects as deep as the body", repeated(R"({"a":)", near_limit / 5), 400},
        {"ten thousand members", "{" + repeated(R"("a":1,)", 8'000) + R"("a":1})", 400},
        {"a number out of range", with_content("1e999999"), 400},
        {"a negative number out of range", with_content("-1e999999"), 400},
        {"a number near zero", with_content("1e-999999"), 422},
        {"a huge integer", with_content(repeated("9", near_limit)), 400},
        {"a huge fraction", with_content("0." + repeated("9", near_limit)), 422},
        {"an integer beyond 64 bits", with_content("18446744073709551616"), 422},
        {"minus zero", with_content("-0"), 422},
        {"not a number", with_content("NaN"), 400},
        {"infinity", with_content("Infinity"), 400},
        {"a hexadecimal number", with_content("0x10"), 400},
        {"a leading zero", with_content("01"), 400},
        {"a high surrogate alone", with_content(R"("\ud83d")"), 400},
        {"a low surrogate alone", with_content(R"("\ude00")"), 400},
        {"surrogates the wrong way round", with_content(R"("\ude00\ud83d")"), 400},
        {"a high surrogate and a letter", with_content(R"("\ud83dx")"), 400},
        {"a pair of surrogates", with_content(R"("\ud83d\ude00")"), 201},
        {"a raw surrogate", with_content("\"\xed\xa0\xbd\""), 400},
        {"an overlong slash", with_content("\"\xc0\xaf\""), 400},
        {"a byte that is no UTF-8", with_content("\"\xff\""), 400},
        {"a code point beyond Unicode", with_content("\"\xf4\x90\x80\x80\""), 400},
        {"an escaped NUL", with_content(R"("a\u0000b")"), 422},
        {"a raw NUL", with_content("\"a\0b\""s), 400},
        {"a NUL behind", R"({"content":"a"})"s + '\0', 400},
        {"a raw line break", with_content("\"a\nb\""), 400},
        {"a byte order mark", "\xef\xbb\xbf{\"content\":\"a\"}", 201},
        {"two byte order marks", "\xef\xbb\xbf\xef\xbb\xbf{\"content\":\"a\"}", 400},
        {"UTF-16", "\xff\xfe{\0\"\0c\0\"\0:\0\"\0x\0\"\0}\0"s, 400},
        {"UTF-16 without a mark", "\0{\0}"s, 400},
        {"a huge text", with_content('"' + std::string(near_limit, 'x') + '"'), 422},
        {"a huge text of escapes", with_content('"' + repeated(R"(\u0041)", near_limit / 6) + '"'),
         422},
        {"a huge name", "{\"" + std::string(near_limit, 'x') + "\":\"\"}", 422},
        {"a body over its limit", with_content('"' + std::string(70'000, 'x') + '"'), 413},
        {"a body far over its limit", with_content('"' + std::string(8 * mib, 'x') + '"'), 413},
        {"a comment", "/* */" + with_content("\"a\""), 400},
        {"a comma too many", R"({"content":"a",})", 400},
        {"two bodies", R"({"content":"a"}{"content":"b"})", 400},
        {"an array", R"([{"content":"a"}])", 400},
        {"a text", R"("content")", 400},
        {"nothing", "", 400},
        {"blanks", repeated(" ", near_limit), 400},
        {"null", with_content("null"), 422},
        {"a prototype", R"({"content":"a","__proto__":{"is_staff":true}})", 422},
        {"binary", std::string("\x93\x01\x02\x03\x00", 5), 400},
    };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(json_bodies, attacked_server)

BOOST_AUTO_TEST_CASE(each_is_answered_by_the_right_status) {
    for (const json_body& body : bodies()) {
        BOOST_TEST_CONTEXT(body.name) {
            check_one_of(comment(body.bytes), {body.status});
        }
    }
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(each_route_that_takes_json_refuses_them_alike) {
    for (const auto& [method, target] : {std::pair{"POST", "/api/v1/auth/signup"},
                                         {"POST", "/api/v1/auth/login"},
                                         {"POST", "/api/v1/auth/restore"},
                                         {"POST", "/api/v1/auth/password"},
                                         {"PATCH", "/api/v1/users/me"},
                                         {"DELETE", "/api/v1/users/me"}}) {
        for (const json_body& body : bodies()) {
            // These have no field `content`, so what is well-formed is 422 all the same.
            BOOST_TEST_CONTEXT(method << " " << target << ": " << body.name) {
                const unsigned status = body.status == 201 ? 422 : body.status;
                check_one_of(send(method, target, "application/json", body.bytes), {status});
            }
        }
    }
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_CASE(other_media_types_are_refused) {
    for (const char* type :
         {"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b",
          "application/jsonp", "application/json-seq", "json", ";", "application/xml"}) {
        BOOST_TEST_CONTEXT(type) {
            check_one_of(comment(R"({"content":"a"})", type), {415});
        }
    }
    check_survived(body_bytes_max);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
