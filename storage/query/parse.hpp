// From the text of a list's query to conditions and orders: Django's `filter()`, `exclude()`,
// `Q` and `order_by()` as docs/queries.md teaches them.
//
//   parameter   path[__part][__lookup]=value      `in` and `range`: a line of CSV (RFC 4180)
//   expression  or   := and ("|" and)*
//               and  := not ("&" not)*
//               not  := "~" not | "(" or ")" | test
//               test := path[__part][__lookup] "=" JSON literal (`in`, `range`: an array of them)
//
// Bounded: by the limits below, whatever the input. Pure; thread-safe.
// Errors: `malformed`, with one fault that names the parameter, says what is wrong (in an
// expression: at which column) and what is allowed there.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "storage/base/error.hpp"
#include "storage/query/condition.hpp"

namespace pinhole::storage::query {

inline constexpr std::size_t expression_bytes_max = 8192;
inline constexpr std::size_t expression_depth_max = 50;
inline constexpr std::size_t expression_tests_max = 100;
inline constexpr std::size_t relations_max = 8;
inline constexpr std::size_t order_keys_max = 8;

inline constexpr std::size_t patterns_max = 8;

/// The parameters of a list that are no filter.
inline constexpr std::array<std::string_view, 7> list_controls{
    "cursor", "page_size", "ordering", "filter", "count", "explain", "include_deleted"};

struct parse_context {
    entity root;
    entity_id me;  ///< whom `me` stands for
    /// How many regular expressions the whole query has by now: to compile one is work. May be
    /// null.
    std::size_t* patterns = nullptr;
};

/// A parameter such as `post__author__username` or, negated, `likes__user!`.
result<condition> parse_parameter(const parse_context& context, std::string_view name,
                                  std::string_view value);

/// The value of `filter=`.
result<condition> parse_expression(const parse_context& context, std::string_view text);

/// The value of `ordering=`. `id` is added last, in the direction of the last field, unless it is
/// among them.
result<std::vector<order_key>> parse_ordering(const parse_context& context, std::string_view text);

}  // namespace pinhole::storage::query
