// One line of CSV (RFC 4180): values with commas, quotes or line breaks stand in double quotes, a
// quote among them is doubled. Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pinhole::storage::query {

/// Empty text is no value at all; `""` is an empty one. Nothing if a quote is out of place.
std::optional<std::vector<std::string>> parse_csv_line(std::string_view text);

}  // namespace pinhole::storage::query
