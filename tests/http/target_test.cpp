#include "server/target.hpp"

#include <boost/test/unit_test.hpp>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

BOOST_AUTO_TEST_SUITE(target)

BOOST_AUTO_TEST_CASE(queries_keep_order_and_duplicates) {
    const auto parsed = parse_target("/a%C3%A9?b=1&a=2&b=3&&empty=&bare&x!=a%3Db%26+c&%61=%2b");
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST(parsed->path == "/a\xc3\xa9");
    const query_parameters expected{{"b", "1"},   {"a", "2"},       {"b", "3"}, {"empty", ""},
                                    {"bare", ""}, {"x!", "a=b& c"}, {"a", "+"}};
    BOOST_TEST((parsed->query == expected));
}

BOOST_AUTO_TEST_CASE(question_marks_and_slashes_in_the_query_are_data) {
    const auto parsed = parse_target("/a?b=/../c?d");
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST(parsed->query.front().second == "/../c?d");
}

BOOST_AUTO_TEST_CASE(a_path_may_be_left_out) {
    BOOST_TEST(parse_target("")->path == "/");
    BOOST_TEST(parse_target("?a=b")->path == "/");
    BOOST_TEST(parse_target("?a=b")->query.front().second == "b");
    BOOST_TEST(parse_target("*")->path == "*");
}

BOOST_AUTO_TEST_CASE(control_bytes_in_a_path_raw_or_encoded) {
    for (const std::string byte : {"\x01", "\t", "\x1f", "\x7f", "%01", "%00", "%7F"}) {
        BOOST_TEST(!parse_target("/a" + byte));
    }
}

BOOST_AUTO_TEST_CASE(malformed_queries) {
    for (const auto* target : {"/?a=%", "/?a=%1", "/?a=%zz", "/?%zz=1", "/?a=%00", "/?a=%ff",
                               "/?a=%ed%a0%80", "/a?b#c", "a", "*?a=b", "a/"}) {
        BOOST_TEST(!parse_target(target), target);
    }
}

BOOST_AUTO_TEST_CASE(utf8) {
    for (const auto* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                             "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        BOOST_TEST(is_utf8(good));
    }
    for (const auto* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x80\x80", "\xe0\x9f\xbf",
                            "\xed\xa0\x80", "\xe2\x82", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
                            "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "a\xc3"}) {
        BOOST_TEST(!is_utf8(bad));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
