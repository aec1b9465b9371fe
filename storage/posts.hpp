// Posts: create, read, edit, delete, restore. Every function runs inside a unit of work.
// Thread-safe.
#pragma once

#include <chrono>

#include "storage/visibility.hpp"

namespace pinhole::storage {

inline constexpr std::size_t files_per_post_max = 10;

/// Commits the post with all its files, whose bytes are durable already.
/// Errors: unauthenticated, if the author's account was deleted meanwhile.
/// Requires: 1 to `files_per_post_max` files that name the post and have distinct positions.
result<planned<post_view>> plan_create_post(const kv::reader& reader, const post& row);

/// Errors: not_found.
result<post_view> get_post(const kv::reader& reader, entity_id viewer, entity_id id);

/// Errors: not_found, forbidden, precondition_failed.
result<planned<post_view>> plan_edit_post(const kv::reader& reader, entity_id editor, entity_id id,
                                          const std::string& content, timestamp at,
                                          const precondition<post_view>& may);

/// Flags the post alone: what hangs under it is hidden by that. The same commit leaves a job that
/// moves its media out of the public tree. Errors: as above.
result<planned<bool>> plan_delete_post(const kv::reader& reader, entity_id editor, entity_id id,
                                       timestamp at, const precondition<post_view>& may);

/// Restoring an alive post changes nothing. Errors: not_found (also for somebody else's deleted
/// post, and past the retention), forbidden.
result<planned<post_view>> plan_restore_post(const kv::reader& reader, entity_id editor,
                                             entity_id id, timestamp at,
                                             std::chrono::seconds retention);

}  // namespace pinhole::storage
