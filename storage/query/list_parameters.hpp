// What a list's parameters ask for, wherever they come from: a URL's query, a command line. Where
// a page begins (`cursor`) is handed back as it is, since only who gives cursors out can read them.
// Pure; thread-safe.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/base/error.hpp"
#include "storage/query/list_query.hpp"

namespace pinhole::storage::query {

/// A list's query may have so many parameters: with each, every row is looked at once more.
inline constexpr std::size_t list_parameters_max = 64;
inline constexpr std::uint32_t page_size_max = 100;

/// A name and a value, decoded.
using parameter = std::pair<std::string, std::string>;

struct list_context {
    entity root = entity::post;
    entity_id me = 0;  ///< whom `me` stands for
    timestamp at{};    ///< when it is asked
    std::chrono::seconds restore_retention{};
    std::uint64_t rows_read_max = 100'000;
    std::optional<std::chrono::nanoseconds> processor_time_max = {};
};

struct list_parameters {
    list_request request = {};
    bool explains = false;
    std::optional<std::string> cursor = {};
};

/// Errors: malformed, naming every bad parameter.
result<list_parameters> read_list_parameters(const list_context& context,
                                             std::span<const parameter> given);

/// The value of the first parameter of that name.
const std::string* find_parameter(std::span<const parameter> given, std::string_view name);

/// The error that names every bad parameter. Requires: there is one.
error bad_query(std::vector<field_fault> faults);

}  // namespace pinhole::storage::query
