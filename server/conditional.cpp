#include "server/conditional.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

constexpr std::array<std::string_view, 12> month_names{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::array<std::string_view, 7> day_names{"Sun", "Mon", "Tue", "Wed",
                                                    "Thu", "Fri", "Sat"};

std::string_view without_weakness(std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
}

/// A number of exactly `digits` digits at the front, taken off `text`.
std::optional<unsigned> take_number(std::string_view& text, std::size_t digits) {
    unsigned value = 0;
    if (text.size() < digits) {
        return std::nullopt;
    }
    const auto* end = text.data() + digits;
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (error != std::errc() || last != end) {
        return std::nullopt;
    }
    text.remove_prefix(digits);
    return value;
}

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) {
        return false;
    }
    text.remove_prefix(expected.size());
    return true;
}

std::optional<unsigned> take_month(std::string_view& text) {
    for (unsigned i = 0; i < month_names.size(); ++i) {
        if (take(text, month_names[i])) {
            return i + 1;
        }
    }
    return std::nullopt;
}

/// "08:49:37", as seconds of the day; a leap second counts as the one before it.
std::optional<std::chrono::seconds> take_time(std::string_view& text) {
    const auto hour = take_number(text, 2);
    if (!hour || *hour > 23 || !take(text, ":")) {
        return std::nullopt;
    }
    const auto minute = take_number(text, 2);
    if (!minute || *minute > 59 || !take(text, ":")) {
        return std::nullopt;
    }
    const auto second = take_number(text, 2);
    if (!second || *second > 60) {
        return std::nullopt;
    }
    return std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
           std::chrono::seconds(std::min(*second, 59U));
}

std::optional<std::chrono::sys_seconds> make_time(unsigned year, unsigned month, unsigned day,
                                                  std::chrono::seconds time_of_day) {
    const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                           std::chrono::month(month), std::chrono::day(day)};
    if (!date.ok()) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date) + time_of_day;
}

/// What follows the day's name in "Sun, 06 Nov 1994 08:49:37 GMT".
std::optional<std::chrono::sys_seconds> parse_preferred(std::string_view text) {
    const auto day = take_number(text, 2);
    if (!day || !take(text, " ")) {
        return std::nullopt;
    }
    const auto month = take_month(text);
    if (!month || !take(text, " ")) {
        return std::nullopt;
    }
    const auto year = take_number(text, 4);
    if (!year || !take(text, " ")) {
        return std::nullopt;
    }
    const auto time = take_time(text);
    if (!time || text != " GMT") {
        return std::nullopt;
    }
    return make_time(*year, *month, *day, *time);
}

/// What follows the day's name in "Sunday, 06-Nov-94 08:49:37 GMT". RFC 9110: a year that seems
/// more than 50 years ahead is of the last century.
std::optional<std::chrono::sys_seconds> parse_rfc850(std::string_view text) {
    const auto day = take_number(text, 2);
    if (!day || !take(text, "-")) {
        return std::nullopt;
    }
    const auto month = take_month(text);
    if (!month || !take(text, "-")) {
        return std::nullopt;
    }
    const auto short_year = take_number(text, 2);
    if (!short_year || !take(text, " ")) {
        return std::nullopt;
    }
    const auto time = take_time(text);
    if (!time || text != " GMT") {
        return std::nullopt;
    }
    const std::chrono::year_month_day today{
        std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now())};
    const auto this_year = static_cast<unsigned>(static_cast<int>(today.year()));
    unsigned year = this_year - this_year % 100 + *short_year;
    if (year > this_year + 50) {
        year -= 100;
    }
    return make_time(year, *month, *day, *time);
}

/// What follows the day's name in "Sun Nov  6 08:49:37 1994".
std::optional<std::chrono::sys_seconds> parse_asctime(std::string_view text) {
    const auto month = take_month(text);
    if (!month || !take(text, " ")) {
        return std::nullopt;
    }
    const auto day = take(text, " ") ? take_number(text, 1) : take_number(text, 2);
    if (!day || !take(text, " ")) {
        return std::nullopt;
    }
    const auto time = take_time(text);
    if (!time || !take(text, " ")) {
        return std::nullopt;
    }
    const auto year = take_number(text, 4);
    if (!year || !text.empty()) {
        return std::nullopt;
    }
    return make_time(*year, *month, *day, *time);
}

}  // namespace

bool etag_matches_weakly(std::string_view list, std::string_view etag) {
    bool matches = trim(list) == "*";
    for_each_list_item(list, [&](std::string_view item) {
        matches = matches || without_weakness(item) == without_weakness(etag);
    });
    return matches;
}

bool etag_matches_strongly(std::string_view list, std::string_view etag) {
    bool matches = trim(list) == "*";
    for_each_list_item(list, [&](std::string_view item) {
        matches = matches || (item == etag && !item.starts_with("W/"));
    });
    return matches;
}

std::string to_http_date(std::chrono::sys_seconds time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date{day};
    const std::chrono::hh_mm_ss clock{time - day};
    const std::chrono::weekday weekday{day};
    return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", day_names[weekday.c_encoding()],
                       static_cast<unsigned>(date.day()),
                       month_names[static_cast<unsigned>(date.month()) - 1],
                       static_cast<int>(date.year()), clock.hours().count(),
                       clock.minutes().count(), clock.seconds().count());
}

std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text) {
    text = trim(text);
    if (const auto comma = text.find(", "); comma != std::string_view::npos) {
        const auto rest = text.substr(comma + 2);
        return comma == 3 ? parse_preferred(rest) : parse_rfc850(rest);
    }
    if (text.size() > 4 && text[3] == ' ') {
        return parse_asctime(text.substr(4));
    }
    return std::nullopt;
}

}  // namespace pinhole::http
