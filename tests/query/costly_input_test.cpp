// Input that would be slow to whoever goes back and forth in it: each must be answered, with a
// value or a refusal, in time that grows with its length alone.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include "storage/base/fold.hpp"
#include "storage/query/csv.hpp"
#include "storage/query/parse.hpp"
#include "storage/query/time_text.hpp"
#include "tests/support/sanitizers.hpp"

namespace pinhole::storage::query {
namespace {

constexpr parse_context context{entity::post, 77};
/// A thousand times what any of it takes; what is quadratic here takes longer.
constexpr auto patience = std::chrono::seconds{2};
/// More than any header may have.
constexpr std::size_t long_bytes = 1'000'000;

std::string repeated(std::string_view part, std::size_t count) {
    std::string all;
    all.reserve(part.size() * count);
    for (std::size_t i = 0; i < count; ++i) {
        all += part;
    }
    return all;
}

std::string joined(std::string_view part, std::string_view joint, std::size_t count) {
    std::string all = repeated(std::string{part}.append(joint), count - 1);
    all += part;
    return all;
}

/// What the function answers, which must not take long.
bool quickly(const std::string& what, const std::function<bool()>& answer) {
    const auto start = std::chrono::steady_clock::now();
    const bool answered = answer();
    const auto taken = std::chrono::steady_clock::now() - start;
    if (pinhole::test::costs_are_real) {
        BOOST_TEST((taken < patience), what.substr(0, 60));
    }
    return answered;
}

bool takes_expression(const std::string& text) {
    return quickly(text, [&] { return parse_expression(context, text).has_value(); });
}

bool takes_parameter(const std::string& name, const std::string& value) {
    return quickly(name, [&] { return parse_parameter(context, name, value).has_value(); });
}

bool takes_ordering(const std::string& text) {
    return quickly(text, [&] { return parse_ordering(context, text).has_value(); });
}

/// Whether the pattern is one; if so, it is asked of texts that it is slow on elsewhere.
bool takes_pattern(const std::string& text) {
    return quickly(text, [&] {
        const auto made = predicate::make({}, lookup::regex, {value{text}});
        for (const char* part : {"a", "x", "ac x"}) {
            const std::string subject = repeated(part, 2'200 / std::string_view{part}.size());
            if (made) {
                BOOST_TEST(!made->holds(std::string_view{subject}), text);
            }
        }
        return made.has_value();
    });
}

BOOST_AUTO_TEST_SUITE(costly_input)

BOOST_AUTO_TEST_CASE(expressions_that_go_deep_are_answered) {
    for (const std::size_t size :
         {expression_depth_max + 1, expression_bytes_max - 4, long_bytes}) {
        BOOST_TEST(!takes_expression(std::string(size, '(')));
        BOOST_TEST(!takes_expression(std::string(size, '~') + "id=1"));
        BOOST_TEST(!takes_expression(repeated("~(", size / 2)));
        BOOST_TEST(!takes_expression(repeated("(id=1|", size / 6)));
        BOOST_TEST(!takes_expression(std::string(size, '(') + "id=1" + std::string(size, ')')));
    }
    BOOST_TEST(takes_expression(repeated("~(", expression_depth_max / 2) + "id=1" +
                                std::string(expression_depth_max / 2, ')')));
    BOOST_TEST(!takes_expression(std::string(expression_bytes_max, ' ')));
    BOOST_TEST(!takes_expression(std::string(expression_bytes_max, ')')));
}

BOOST_AUTO_TEST_CASE(expressions_with_much_in_them_are_answered) {
    BOOST_TEST(takes_expression(joined("id=1", "&", expression_tests_max)));
    BOOST_TEST(takes_expression(joined("id=1", "|", expression_tests_max)));
    BOOST_TEST(!takes_expression(joined("id=1", "|", long_bytes / 5)));
    // As many tests and operands as fit in.
    const std::string few = "id__in=[" + joined("1", ",", 34) + "]";
    BOOST_TEST(takes_expression(joined(few, "&", expression_tests_max)));
    const std::string many = "id__in=[" + joined("1", ",", operands_max) + "]";
    BOOST_TEST(takes_expression(joined(many, "&", 4)));
    BOOST_TEST(!takes_expression(joined(many, "&", expression_tests_max)));
    BOOST_TEST(!takes_expression("id__in=[" + joined("1", ",", operands_max + 1) + "]"));
}

BOOST_AUTO_TEST_CASE(literals_that_do_not_end_are_answered) {
    const std::size_t room = expression_bytes_max - 20;
    BOOST_TEST(takes_expression("content=\"" + std::string(room, 'a') + '"'));
    BOOST_TEST(!takes_expression("content=\"" + std::string(room, 'a')));
    BOOST_TEST(!takes_expression("content=\"" + std::string(room, '\\')));
    BOOST_TEST(takes_expression("content=\"" + repeated("\\u0061", room / 6) + '"'));
    BOOST_TEST(!takes_expression("like_count=" + std::string(room, '9')));
    BOOST_TEST(!takes_expression("like_count=" + std::string(room, '-')));
    BOOST_TEST(!takes_expression("id__in=" + std::string(room, '[')));
    BOOST_TEST(!takes_expression("id__in=[" + std::string(room, ',')));
}

BOOST_AUTO_TEST_CASE(long_names_are_answered) {
    for (const std::string_view part :
         {"author__posts__", "author__", "a__", "__", "_", "id__", "created_at__year__", "x"}) {
        const std::string name = repeated(part, long_bytes / part.size());
        BOOST_TEST(!takes_parameter(name, "1"));
        BOOST_TEST(!takes_parameter(name + '!', "1"));
        BOOST_TEST(!takes_ordering(name));
        BOOST_TEST(!takes_expression(name.substr(0, expression_bytes_max - 2) + "=1"));
    }
    BOOST_TEST(!takes_parameter(std::string(long_bytes, '!'), "1"));
}

BOOST_AUTO_TEST_CASE(long_orders_are_answered) {
    BOOST_TEST(!takes_ordering(std::string(long_bytes, ',')));
    BOOST_TEST(!takes_ordering(std::string(long_bytes, '-')));
    BOOST_TEST(!takes_ordering(joined("-content", ",", long_bytes / 9)));
    BOOST_TEST(takes_ordering(joined("author__username", ",", order_keys_max)));
}

BOOST_AUTO_TEST_CASE(long_lists_of_operands_are_answered) {
    BOOST_TEST(takes_parameter("id__in", joined("1", ",", operands_max)));
    BOOST_TEST(!takes_parameter("id__in", joined("1", ",", operands_max + 1)));
    BOOST_TEST(!takes_parameter("content__in", std::string(long_bytes, ',')));
    BOOST_TEST(takes_parameter("content__in", std::string(long_bytes, '"')));
    BOOST_TEST(!takes_parameter("content__in", std::string(long_bytes + 1, '"')));
    BOOST_TEST(!takes_parameter("content__in", repeated("\"a\",", long_bytes / 4)));
    BOOST_TEST(!takes_parameter("created_at__in", joined("2025-01-01", ",", long_bytes / 11)));
    BOOST_TEST(!takes_parameter("like_count", std::string(long_bytes, '1')));
    BOOST_TEST(
        !takes_parameter("created_at", "2025-01-01T00:00:00." + std::string(long_bytes, 'Z')));
    BOOST_TEST(
        takes_parameter("created_at", "2025-01-01T00:00:00." + std::string(long_bytes, '9') + 'Z'));
    // A hundred of the largest lists at once.
    const std::string list = joined("12345", ",", operands_max);
    BOOST_TEST(quickly("lists", [&] {
        bool all = true;
        for (int i = 0; i < 100; ++i) {
            all = all && parse_parameter(context, "likes__user__in", list).has_value();
        }
        return all;
    }));
}

BOOST_AUTO_TEST_CASE(patterns_that_backtrack_elsewhere_are_answered) {
    for (const char* pattern : {"(a*)*b", "(x+x+)+y", "^(a+)+$b", "^(a|aa)+b$", "(.*)*y",
                                "(.*.*.*)*[0-9]", "((a*)*)*b", "(a?){100}a{100}b"}) {
        BOOST_TEST(takes_pattern(pattern), pattern);
    }
}

BOOST_AUTO_TEST_CASE(patterns_that_grow_when_they_are_compiled_are_answered) {
    for (const std::string& pattern :
         {std::string{".{1000}{1000}"}, std::string{"((a{100}){100}){100}"},
          std::string{"(((.{1,40}){1,40}){1,40}){1,40}"},
          repeated("(a", 200) + repeated("){9}", 75), std::string(regex_bytes_max, '('),
          std::string(long_bytes, 'b')}) {
        BOOST_TEST(!takes_pattern(pattern), pattern.substr(0, 60));
    }
    takes_pattern(repeated("\\pL{9}", 80));
    takes_pattern(repeated("(", regex_bytes_max / 2) + repeated(")", regex_bytes_max / 2) + "b");
    takes_pattern(repeated("c|", regex_bytes_max / 2 - 1) + "b{3}");
}

BOOST_AUTO_TEST_CASE(long_texts_are_folded_and_searched) {
    const std::string text = repeated("ß바\U0001F600a", long_bytes / 10);
    BOOST_TEST(quickly("fold", [&] { return fold_case(text).size() == text.size(); }));
    const std::string needle = std::string(1'000, 'a') + 'b';
    const std::string hay(100'000, 'a');
    BOOST_TEST(!quickly("contains", [&] {
        return predicate::make({}, lookup::icontains, {value{needle}})
            ->holds(std::string_view{hay});
    }));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::storage::query
