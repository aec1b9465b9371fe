#include "storage/query/time_text.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

namespace pinhole::storage::query {
namespace {

std::string normal(std::string_view text) {
    const auto parsed = parse_time(text);
    return parsed ? to_rfc3339(*parsed) : "refused";
}

std::int64_t part(date_part which, std::string_view text) {
    return take_part(which, parse_time(text).value());
}

BOOST_AUTO_TEST_SUITE(time_text)

BOOST_AUTO_TEST_CASE(every_form_of_rfc_3339_is_read) {
    constexpr auto expected = "2025-01-31T08:05:09.000000Z";
    for (const auto* text :
         {"2025-01-31T08:05:09Z", "2025-01-31t08:05:09z", "2025-01-31 08:05:09Z",
          "2025-01-31T08:05:09.0Z", "2025-01-31T08:05:09.000000000000Z",
          "2025-01-31T08:05:09+00:00", "2025-01-31T08:05:09-00:00", "2025-01-31T17:05:09+09:00",
          "2025-01-30T21:35:09-10:30", "2025-01-31T08:05:09.0000009Z"}) {
        BOOST_TEST(normal(text) == expected, text);
    }
    BOOST_TEST(normal("2025-01-31T08:05:09.5Z") == "2025-01-31T08:05:09.500000Z");
    BOOST_TEST(normal("2025-01-31T08:05:09.123456789Z") == "2025-01-31T08:05:09.123456Z");
    BOOST_TEST(normal("2025-01-31") == "2025-01-31T00:00:00.000000Z");
    BOOST_TEST(normal("2024-02-29T00:00:00Z") == "2024-02-29T00:00:00.000000Z");
    BOOST_TEST(normal("2016-12-31T23:59:60Z") == "2017-01-01T00:00:00.000000Z");
    BOOST_TEST(normal("0001-01-01T00:00:00Z") == "0001-01-01T00:00:00.000000Z");
}

BOOST_AUTO_TEST_CASE(what_is_no_time_is_refused) {
    for (const auto* text : {"",
                             "2025",
                             "2025-01",
                             "2025-1-31",
                             "2025-02-29",
                             "2025-13-01",
                             "2025-00-01",
                             "2025-01-32",
                             "0000-01-01",
                             "2025-01-31T",
                             "2025-01-31T08:05Z",
                             "2025-01-31T08:05:09",
                             "2025-01-31T24:00:00Z",
                             "2025-01-31T08:60:00Z",
                             "2025-01-31T08:05:61Z",
                             "2025-01-31T08:05:09.Z",
                             "2025-01-31T08:05:09Z ",
                             " 2025-01-31T08:05:09Z",
                             "2025-01-31T08:05:09+0900",
                             "2025-01-31T08:05:09+24:00",
                             "2025-01-31T08:05:09 09:00",
                             "2025-01-31X08:05:09Z",
                             "-025-01-31T08:05:09Z",
                             "20250131T080509Z",
                             "12025-01-31T08:05:09Z",
                             "9999-12-31T23:59:59-00:01",
                             "9999-12-31T23:59:60Z",
                             "0001-01-01T00:00:00+00:01",
                             "2025-01-31T08:05:09,5Z"}) {
        BOOST_TEST(normal(text) == "refused", text);
    }
    BOOST_TEST(parse_date("2025-01-31").value() == 20'119);
    BOOST_TEST(!parse_date("2025-01-31T00:00:00Z"));
    BOOST_TEST(!parse_date("31.01.2025"));
}

BOOST_AUTO_TEST_CASE(parts_are_those_of_utc) {
    constexpr auto text = "2026-11-22T08:05:59.999999Z";  // a Sunday
    BOOST_TEST(part(date_part::year, text) == 2026);
    BOOST_TEST(part(date_part::month, text) == 11);
    BOOST_TEST(part(date_part::day, text) == 22);
    BOOST_TEST(part(date_part::week_day, text) == 1);
    BOOST_TEST(part(date_part::week_day, "2026-11-28") == 7);
    BOOST_TEST(part(date_part::hour, text) == 8);
    BOOST_TEST(part(date_part::minute, text) == 5);
    BOOST_TEST(part(date_part::second, text) == 59);
    BOOST_TEST(part(date_part::quarter, text) == 4);
    BOOST_TEST(part(date_part::quarter, "2026-03-31") == 1);
    BOOST_TEST(part(date_part::quarter, "2026-04-01") == 2);
    BOOST_TEST(part(date_part::date, text) == parse_date("2026-11-22").value());
    BOOST_TEST(part(date_part::date, "1969-12-31T23:59:59.9Z") == -1);
    BOOST_TEST(part(date_part::hour, "1969-12-31T23:59:59.9Z") == 23);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::storage::query
