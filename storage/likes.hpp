// Likes: one row for a user and a post; unliking flags it, liking again revives it. Every
// function runs inside a unit of work. Thread-safe.
#pragma once

#include "storage/visibility.hpp"

namespace pinhole::storage {

struct like_result {
    like_view view;
    bool is_new = false;  ///< it did not stand before: created or revived
};
/// `row` brings id, post, user and time in case there is none yet.
/// Errors: not_found (the post), unauthenticated (the user's account was deleted meanwhile).
result<planned<like_result>> plan_like(const kv::reader& reader, like row);

/// Nothing to commit where there was no like. Errors: not_found (the post), precondition_failed
/// (also where there is no like that `may` could agree with).
result<planned<bool>> plan_unlike(const kv::reader& reader, entity_id who, entity_id post,
                                  timestamp at, const precondition<like_view>& may);

/// Errors: not_found.
result<like_view> get_like(const kv::reader& reader, entity_id id);

}  // namespace pinhole::storage
