// What is said of a line, whichever of the two parsers has read it.
#include "storage/dump/json_line.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

namespace pinhole::storage::test {

namespace {

using dump::json_kind;

struct read_line {
    std::string problem;
    json_kind kind = json_kind::other;  ///< of the first member
    std::int64_t integer = 0;
    std::string text;
    std::size_t members = 0;
};

read_line read(std::string_view line) {
    dump::json_line json;
    read_line found{.problem = json.parse(line), .text = {}};
    found.members = json.members().size();
    if (found.problem.empty() && found.members > 0) {
        const dump::json_member& first = json.members().front();
        found.kind = first.kind;
        found.integer = first.integer;
        found.text = first.text;
    }
    return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_line)

BOOST_AUTO_TEST_CASE(values_are_what_they_are) {
    BOOST_TEST(read("{}").problem.empty());
    BOOST_TEST((read(R"({"a":null})").kind == json_kind::null));
    BOOST_TEST((read(R"({"a":true})").kind == json_kind::boolean));
    BOOST_TEST(read(R"({"a":true})").integer == 1);
    BOOST_TEST(read(R"({"a":false})").integer == 0);
    BOOST_TEST(read(R"( { "a" : "b\n\u00e9\ud83d\ude00" } )").text == "b\né😀");
    BOOST_TEST(read(R"({"a":-9223372036854775808})").integer == INT64_MIN);
    BOOST_TEST(read(R"({"a":9223372036854775807})").integer == INT64_MAX);
    BOOST_TEST((read(R"({"a":-0})").kind == json_kind::integer));
    BOOST_TEST(read("\xEF\xBB\xBF{\"a\":7}").integer == 7);
    for (const char* other :
         {R"({"a":9223372036854775808})", R"({"a":18446744073709551616})",
          R"({"a":1234567890123456789012345678901234567890})", R"({"a":1.0})", R"({"a":1e2})",
          R"({"a":[1,{"a":2,"a":3}]})", R"({"a":{"a":"b","c":[]}})"}) {
        BOOST_TEST_CONTEXT(other) {
            BOOST_TEST(read(other).problem.empty());
            BOOST_TEST((read(other).kind == json_kind::other));
            BOOST_TEST(read(other).members == 1U);
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_wrong_is_said) {
    BOOST_TEST(read(R"({"a":1,"b":2,"a":3})").problem == "the field a comes twice");
    BOOST_TEST(read(R"({"a":1,"\u0061":3})").problem == "the field a comes twice");
    BOOST_TEST(read("[1]").problem == "is not a JSON object");
    BOOST_TEST(read("7").problem == "is not a JSON object");
    BOOST_TEST(read(std::string_view{"{\"a\":1}\0", 8}).problem == "has a NUL character");
    for (const char* broken : {"",
                               " ",
                               "{",
                               R"({"a")",
                               R"({"a":1)",
                               R"({"a":1,})",
                               R"({"a":01})",
                               R"({"a":1}})",
                               R"({"a":1} {})",
                               R"({"a":"\ud800"})",
                               R"({"a":"\x"})",
                               "{\"a\":\"\x01\"}",
                               "{\"a\":\"\xff\"}",
                               "{\"a\":\"\xC0\x80\"}",
                               "{\"a\":\"\xED\xA0\x80\"}",
                               R"({a:1})",
                               R"({"a":NaN})",
                               R"({"a":1e999})",
                               R"({'a':1})",
                               R"({"a":[1})"}) {
        BOOST_TEST_CONTEXT(broken) {
            BOOST_TEST(read(broken).problem.starts_with("is not JSON"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_line_with_too_many_fields_is_refused) {
    const auto line_of = [](std::size_t fields) {
        std::string line = "{";
        for (std::size_t i = 0; i < fields; ++i) {
            line += (i > 0 ? ",\"f" : "\"f") + std::to_string(i) + "\":1";
        }
        return line + "}";
    };
    BOOST_TEST(read(line_of(dump::members_per_line_max)).members == dump::members_per_line_max);
    BOOST_TEST(read(line_of(dump::members_per_line_max + 1)).problem ==
               "has more fields than any row");
}

/// The one before has left nothing behind.
BOOST_AUTO_TEST_CASE(lines_are_read_one_after_the_other) {
    dump::json_line json;
    BOOST_TEST(json.parse(R"({"a":"one","b":2,"c":true})").empty());
    BOOST_TEST(!json.parse(R"({"a":"one","b":)").empty());
    BOOST_TEST(json.parse(R"({"d":18446744073709551616})").empty());
    BOOST_TEST(json.members().size() == 1U);
    BOOST_TEST(json.parse(R"({"b":3,"a":""})").empty());
    BOOST_TEST(json.members().size() == 2U);
    BOOST_TEST((json.find("a", 0)->text.empty() && json.find("b", 0)->integer == 3));
    BOOST_TEST(json.find("c", 2) == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
