// Times and dates as queries write them, and the parts of a time that queries ask for. UTC.
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/base/time.hpp"

namespace pinhole::storage::query {

/// A date-time in any form of RFC 3339 (`T` in either case or a space; any offset; any number of
/// digits of a second, of which those beyond microseconds are dropped, as Django does), or a date
/// alone, which is its midnight. A leap second is the second after it. Years 1 to 9999.
std::optional<timestamp> parse_time(std::string_view text);

/// `YYYY-MM-DD`, as days since 1970-01-01.
std::optional<std::int64_t> parse_date(std::string_view text);

enum class date_part : std::uint8_t {
    date,  ///< days since 1970-01-01
    year,
    month,
    day,
    week_day,  ///< 1, Sunday, to 7, as Django counts
    hour,
    minute,
    second,   ///< whole
    quarter,  ///< 1 to 4
};

std::int64_t take_part(date_part part, timestamp instant);

}  // namespace pinhole::storage::query
