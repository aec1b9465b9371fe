// From names to the schema: what `post__author__username__icontains` means, and what its operands
// are. The shared part of parameters and expressions. Pure; thread-safe.
// Errors: a sentence that goes behind the name or the column of what is wrong.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "storage/query/condition.hpp"
#include "storage/query/parse.hpp"

namespace pinhole::storage::query {

template <class T>
using parsed = std::expected<T, std::string>;

struct resolved_name {
    field_path path;
    field_kind kind = field_kind::id;
    bool is_user = false;  ///< `me` may stand for it
    std::optional<date_part> part;
    lookup which = lookup::exact;
};

/// `others`: what could stand there instead of a field.
parsed<resolved_name> resolve(entity root, std::string_view name,
                              std::span<const std::string_view> others = {});

/// A name of `ordering`, without its sign.
parsed<field_path> resolve_order(entity root, std::string_view name);

/// From how a URL writes a value.
parsed<value> parse_operand(const resolved_name& name, std::string_view text, entity_id me);

/// Requires: of the right kinds. `isnull` takes a boolean.
parsed<test> make_test(const parse_context& context, resolved_name name,
                       std::vector<value> operands, std::string text);

/// How many operands there must be, as a sentence if there are not.
parsed<void> check_count(lookup which, std::size_t count);

/// `; did you mean "x"?`, or nothing if none is near.
std::string suggest(std::string_view wanted, std::span<const std::string_view> known);

}  // namespace pinhole::storage::query
