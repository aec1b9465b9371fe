// Where a list's candidate rows come from. Part of list_query.cpp.
// Errors: those of the reader are thrown through.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/query/evaluator.hpp"
#include "storage/query/list_query.hpp"

namespace pinhole::storage::query {

/// Rows of one index, in its order: by `created_at`, then by id.
struct index_source {
    std::string name;
    kv::part_id part = global_part;
    std::uint8_t number = 0;
    bool alive = true;
    std::string leading = {};  ///< of the keys, behind what every entry begins with
    /// Bounds of `created_at`, both inclusive.
    std::optional<timestamp> from = {};
    std::optional<timestamp> to = {};
};

/// Named rows, in no order.
struct id_source {
    std::string name;
    std::vector<entity_id> ids;
};

struct source {
    /// One of both.
    std::optional<index_source> index;
    std::optional<id_source> ids;
    /// The tests that need not be asked any more.
    std::vector<const test*> served;
};

/// Chooses by what the tests say and, where a relation could drive, by reading how many rows it
/// leads to. Requires: `tests` hold together (and-ed).
source choose_source(row_reader& rows, const list_request& request,
                     const std::vector<const test*>& tests);

}  // namespace pinhole::storage::query
