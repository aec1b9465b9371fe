// Comments. Every function runs inside a unit of work. Thread-safe.
#pragma once

#include "storage/visibility.hpp"

namespace pinhole::storage {

/// Errors: not_found (the post), unauthenticated (the author's account was deleted meanwhile).
result<planned<comment_view>> plan_create_comment(const kv::reader& reader, comment row);

/// Errors: not_found.
result<comment_view> get_comment(const kv::reader& reader, entity_id id);

/// Errors: not_found, forbidden, precondition_failed.
result<planned<comment_view>> plan_edit_comment(const kv::reader& reader, entity_id editor,
                                                entity_id id, const std::string& content,
                                                timestamp at,
                                                const precondition<comment_view>& may);

/// Its author may, and the post's. Errors: as above.
result<planned<bool>> plan_delete_comment(const kv::reader& reader, entity_id editor, entity_id id,
                                          timestamp at, const precondition<comment_view>& may);

}  // namespace pinhole::storage
