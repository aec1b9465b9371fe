#include "storage/query/predicate.hpp"

#include <boost/test/unit_test.hpp>
#include <initializer_list>
#include <string>

#include "storage/base/fold.hpp"

namespace pinhole::storage::query {
namespace {

predicate ask(lookup which, std::vector<value> operands, std::optional<date_part> part = {}) {
    return predicate::make(part, which, std::move(operands)).value();
}

bool holds(lookup which, std::string_view text, const char* operand) {
    return ask(which, {std::string{operand}}).holds(text);
}

bool holds(lookup which, std::int64_t number, std::vector<value> operands) {
    return ask(which, std::move(operands)).holds(number);
}

BOOST_AUTO_TEST_SUITE(predicates)

BOOST_AUTO_TEST_CASE(text_is_compared_by_code_point) {
    BOOST_TEST(holds(lookup::exact, "Sea", "Sea"));
    BOOST_TEST(!holds(lookup::exact, "Sea", "sea"));
    BOOST_TEST(holds(lookup::gt, "a", "Z"));
    BOOST_TEST(holds(lookup::gt, "\U0001F600", "\uFFFD"));
    BOOST_TEST(holds(lookup::lt, "", "a"));
    BOOST_TEST(holds(lookup::lte, "a", "a"));
    BOOST_TEST(!holds(lookup::lt, "a", "a"));
    BOOST_TEST(holds(lookup::gte, "ab", "a"));
}

BOOST_AUTO_TEST_CASE(signs_of_sql_patterns_are_ordinary) {
    BOOST_TEST(holds(lookup::contains, "100% sure_", "% sure_"));
    BOOST_TEST(!holds(lookup::contains, "100 percent", "%"));
    BOOST_TEST(!holds(lookup::startswith, "abc", "a_c"));
    BOOST_TEST(holds(lookup::endswith, "a\\b", "\\b"));
    BOOST_TEST(holds(lookup::contains, "any", ""));
    BOOST_TEST(holds(lookup::startswith, "", ""));
}

BOOST_AUTO_TEST_CASE(case_is_ignored_beyond_ascii_one_character_for_one) {
    BOOST_TEST(holds(lookup::iexact, "МОСКВА", "Москва"));
    BOOST_TEST(holds(lookup::icontains, "Οδυσσεύς", "ΣΣΕΎΣ"));
    BOOST_TEST(holds(lookup::istartswith, "Éclair", "éCL"));
    BOOST_TEST(holds(lookup::iendswith, "바다 SEA", "sea"));
    // Simple mapping: a sharp s stays one character.
    BOOST_TEST(!holds(lookup::iexact, "Straße", "STRASSE"));
    BOOST_TEST(!holds(lookup::contains, "Sea", "sea"));
    BOOST_TEST(fold_case("aZ09\u00FF\u0131") == "AZ09\u0178I");
    BOOST_TEST(fold_case("\xFF\xC3x") == "\xFF\xC3X");
}

BOOST_AUTO_TEST_CASE(patterns_are_searched_for_in_the_whole_text) {
    BOOST_TEST(holds(lookup::regex, "one two", "t.o"));
    BOOST_TEST(!holds(lookup::regex, "one two", "T.O"));
    BOOST_TEST(holds(lookup::iregex, "one two", "T.O$"));
    BOOST_TEST(holds(lookup::iregex, "МОСКВА", "^моск"));
    BOOST_TEST(holds(lookup::regex, "a\nb", "a.b"));
    BOOST_TEST(!holds(lookup::regex, "a\nb", "^b"));
    BOOST_TEST(holds(lookup::regex, "바다", "^..$"));
}

BOOST_AUTO_TEST_CASE(patterns_that_are_none_or_too_large_are_refused) {
    for (const std::string& pattern :
         {std::string{"("}, std::string{"*a"}, std::string{"\\1"}, std::string{"(?=a)"},
          std::string{"((a{1,200}){1,200}){1,20}"}, std::string{R"((?:\pL?){30})"},
          std::string(regex_bytes_max + 1, 'a')}) {
        const auto made = predicate::make({}, lookup::regex, {value{pattern}});
        BOOST_TEST(!made.has_value(), pattern.substr(0, 40));
    }
    BOOST_TEST(
        predicate::make({}, lookup::regex, {value{std::string(regex_bytes_max, 'a')}}).has_value());
}

BOOST_AUTO_TEST_CASE(a_pattern_that_backtracks_elsewhere_is_quick) {
    const std::string text(2'200, 'a');
    BOOST_TEST(!holds(lookup::regex, text, "^(a+)+(a|aa)*(a*)*b$"));
}

BOOST_AUTO_TEST_CASE(ranges_hold_their_ends_and_lists_only_what_is_in_them) {
    using values = std::vector<value>;
    const values range{std::int64_t{3}, std::int64_t{5}};
    BOOST_TEST(!holds(lookup::range, 2, range));
    BOOST_TEST(holds(lookup::range, 3, range));
    BOOST_TEST(holds(lookup::range, 5, range));
    BOOST_TEST(!holds(lookup::range, 6, range));
    BOOST_TEST(!holds(lookup::range, 4, values{std::int64_t{5}, std::int64_t{3}}));
    BOOST_TEST(!holds(lookup::in, 4, values{}));
    const values list{std::int64_t{9}, std::int64_t{-1}, std::int64_t{4}, std::int64_t{4}};
    BOOST_TEST(holds(lookup::in, 4, list));
    BOOST_TEST(holds(lookup::in, -1, list));
    BOOST_TEST(!holds(lookup::in, 5, list));
    BOOST_TEST(!holds(lookup::in, 10, list));
    BOOST_TEST(ask(lookup::in, {std::string{"b"}, std::string{"a"}}).holds(std::string_view{"a"}));
    BOOST_TEST(ask(lookup::exact, {true}).holds(true));
    BOOST_TEST(!ask(lookup::in, {true}).holds(false));
}

BOOST_AUTO_TEST_CASE(a_part_of_a_time_is_compared_as_a_number) {
    const value_view instant = parse_time("2025-06-30T23:59:59.999999Z").value();
    BOOST_TEST(ask(lookup::exact, {std::int64_t{2025}}, date_part::year).holds(instant));
    BOOST_TEST(ask(lookup::gte, {std::int64_t{2025}}, date_part::year).holds(instant));
    BOOST_TEST(!ask(lookup::gt, {std::int64_t{2}}, date_part::quarter).holds(instant));
    BOOST_TEST(
        ask(lookup::in, {std::int64_t{6}, std::int64_t{7}}, date_part::month).holds(instant));
    BOOST_TEST(ask(lookup::exact, {std::int64_t{59}}, date_part::second).holds(instant));
    BOOST_TEST(ask(lookup::lt, {parse_time("2025-07-01").value()}).holds(instant));
    BOOST_TEST(
        ask(lookup::exact, {parse_date("2025-06-30").value()}, date_part::date).holds(instant));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::storage::query
