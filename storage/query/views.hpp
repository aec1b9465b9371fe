// A page's rows as the API's JSON shows them, joined with people, counts and the viewer's likes in
// batched reads. Thread-safe. Errors: those of the reader are thrown through.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "storage/query/catalog.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage::query {

using any_view = std::variant<user_view, post_view, file_view, comment_view, like_view>;

/// For whoever shows them otherwise than the API. Requires: as `append_views`.
std::vector<any_view> load_views(const kv::reader& reader, sight sees, entity_id viewer,
                                 entity which, std::vector<any_row> rows);

/// Appends a JSON array. Requires: rows of this entity, whose parents were found on this reader's
/// snapshot by one who sees as much.
void append_views(std::string& out, const kv::reader& reader, sight sees, entity_id viewer,
                  entity which, std::vector<any_row> rows);

}  // namespace pinhole::storage::query
