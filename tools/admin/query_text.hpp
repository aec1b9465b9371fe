// A list's query as it is written on a command line: `posts?like_count__gt=3&ordering=-created_at`,
// the end of the API's URL. Pure.
#pragma once

#include <string_view>
#include <vector>

#include "storage/query/catalog.hpp"
#include "storage/query/list_parameters.hpp"

namespace pinhole::admin {

struct query_text {
    storage::query::entity root;
    std::vector<storage::query::parameter> parameters;
};

/// Percent-encoding is understood, `+` is a space, and what need not be encoded in a shell may
/// stand as it is. Errors: throws usage_error.
query_text parse_query_text(std::string_view text);

}  // namespace pinhole::admin
