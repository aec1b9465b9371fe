// Files of posts. Every function runs inside a unit of work. Thread-safe.
#pragma once

#include "storage/visibility.hpp"

namespace pinhole::storage {

/// Errors: not_found.
result<file_view> get_file(const kv::reader& reader, entity_id id);

/// What is served at a media URL, if it is visible at this instant. Errors: not_found.
result<file> find_media(const kv::reader& reader, std::string_view url);

/// Whether any row, deleted or not, holds this media URL.
bool has_media_row(const kv::reader& reader, std::string_view url);

/// Errors: not_found, forbidden, precondition_failed; conflict for a post's last file.
result<planned<file>> plan_delete_file(const kv::reader& reader, entity_id editor, entity_id id,
                                       timestamp at, const precondition<file_view>& may);

}  // namespace pinhole::storage
