#include "storage/query/time_text.hpp"

#include <algorithm>
#include <cassert>
#include <chrono>

namespace pinhole::storage::query {

namespace {

using namespace std::chrono;

/// What four digits can say.
constexpr year years_min{1};
constexpr year years_max{9999};

/// Reads a text from its front.
class scanner {
public:
    explicit scanner(std::string_view text) : rest_(text) {}

    bool at_end() const { return rest_.empty(); }

    /// So many digits, no fewer.
    std::optional<int> digits(std::size_t count) {
        if (rest_.size() < count) {
            return std::nullopt;
        }
        int value = 0;
        for (const char c : rest_.substr(0, count)) {
            if (c < '0' || c > '9') {
                return std::nullopt;
            }
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(count);
        return value;
    }

    bool skip_one_of(std::string_view choices) {
        if (rest_.empty() || !choices.contains(rest_.front())) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }

    /// The digits of a fraction, as microseconds; nothing if there is not even one.
    std::optional<microseconds> fraction() {
        constexpr std::size_t digits_kept = 6;
        std::int64_t value = 0;
        std::size_t count = 0;
        while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
            value = count < digits_kept ? value * 10 + (rest_.front() - '0') : value;
            ++count;
            rest_.remove_prefix(1);
        }
        for (std::size_t i = count; i < digits_kept; ++i) {
            value *= 10;
        }
        return count > 0 ? std::optional{microseconds{value}} : std::nullopt;
    }

private:
    std::string_view rest_;
};

std::optional<sys_days> scan_date(scanner& text) {
    const auto read_year = text.digits(4);
    if (!read_year || !text.skip_one_of("-")) {
        return std::nullopt;
    }
    const auto read_month = text.digits(2);
    if (!read_month || !text.skip_one_of("-")) {
        return std::nullopt;
    }
    const auto read_day = text.digits(2);
    if (!read_day) {
        return std::nullopt;
    }
    const year_month_day date{year{*read_year}, month{static_cast<unsigned>(*read_month)},
                              day{static_cast<unsigned>(*read_day)}};
    return date.ok() && date.year() >= years_min ? std::optional{sys_days{date}} : std::nullopt;
}

std::optional<minutes> scan_hours_and_minutes(scanner& text) {
    const auto read_hours = text.digits(2);
    if (!read_hours || *read_hours > 23 || !text.skip_one_of(":")) {
        return std::nullopt;
    }
    const auto read_minutes = text.digits(2);
    if (!read_minutes || *read_minutes > 59) {
        return std::nullopt;
    }
    return hours{*read_hours} + minutes{*read_minutes};
}

std::optional<minutes> scan_offset(scanner& text) {
    if (text.skip_one_of("Zz")) {
        return minutes{0};
    }
    const bool is_west = text.skip_one_of("-");
    if (!is_west && !text.skip_one_of("+")) {
        return std::nullopt;
    }
    const auto offset = scan_hours_and_minutes(text);
    return offset && is_west ? std::optional{-*offset} : offset;
}

std::optional<microseconds> scan_time_of_day(scanner& text) {
    const auto whole_minutes = scan_hours_and_minutes(text);
    if (!whole_minutes || !text.skip_one_of(":")) {
        return std::nullopt;
    }
    const auto read_seconds = text.digits(2);
    if (!read_seconds || *read_seconds > 60) {
        return std::nullopt;
    }
    microseconds fraction{0};
    if (text.skip_one_of(".")) {
        const auto found = text.fraction();
        if (!found) {
            return std::nullopt;
        }
        fraction = *found;
    }
    return *whole_minutes + seconds{*read_seconds} + fraction;
}

}  // namespace

std::optional<timestamp> parse_time(std::string_view text) {
    scanner rest{text};
    const auto date = scan_date(rest);
    if (!date || rest.at_end()) {
        return date;
    }
    if (!rest.skip_one_of("Tt ")) {
        return std::nullopt;
    }
    const auto time_of_day = scan_time_of_day(rest);
    if (!time_of_day) {
        return std::nullopt;
    }
    const auto offset = scan_offset(rest);
    if (!offset || !rest.at_end()) {
        return std::nullopt;
    }
    const timestamp instant = timestamp{*date} + *time_of_day - *offset;
    const year_month_day at{floor<days>(instant)};
    return at.year() >= years_min && at.year() <= years_max ? std::optional{instant} : std::nullopt;
}

std::optional<std::int64_t> parse_date(std::string_view text) {
    scanner rest{text};
    const auto date = scan_date(rest);
    return date && rest.at_end() ? std::optional{date->time_since_epoch().count()} : std::nullopt;
}

std::int64_t take_part(date_part part, timestamp instant) {
    const auto midnight = floor<days>(instant);
    const year_month_day date{midnight};
    const hh_mm_ss time{instant - midnight};
    switch (part) {
        case date_part::date:
            return midnight.time_since_epoch().count();
        case date_part::year:
            return static_cast<int>(date.year());
        case date_part::month:
            return static_cast<unsigned>(date.month());
        case date_part::day:
            return static_cast<unsigned>(date.day());
        case date_part::week_day:
            return weekday{midnight}.c_encoding() + 1;
        case date_part::hour:
            return time.hours().count();
        case date_part::minute:
            return time.minutes().count();
        case date_part::second:
            return time.seconds().count();
        case date_part::quarter:
            return (static_cast<unsigned>(date.month()) + 2) / 3;
    }
    assert(false);
    return 0;
}

}  // namespace pinhole::storage::query
