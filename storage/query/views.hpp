// A page's rows as the API's JSON shows them, joined with people, counts and the viewer's likes in
// batched reads. Thread-safe. Errors: those of the reader are thrown through.
#pragma once

#include <string>
#include <vector>

#include "storage/query/catalog.hpp"

namespace pinhole::storage::query {

/// Appends a JSON array. Requires: rows of this entity, whose parents were found alive on this
/// reader's snapshot.
void append_views(std::string& out, const kv::reader& reader, entity_id viewer, entity which,
                  std::vector<any_row> rows);

}  // namespace pinhole::storage::query
