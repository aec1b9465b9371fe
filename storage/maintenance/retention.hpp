// When something was deleted, and whether that is so long ago that nobody may restore it any more.
//
// A user's or post's row says so itself. Likes, comments and files are not written to once they are
// deleted, so their last change is it. Pure; thread-safe.
#pragma once

#include <algorithm>
#include <chrono>

#include "storage/schema/entities.hpp"

namespace pinhole::storage {

/// ON DISK: as `deleted_at` of a user or post, says that its purge has begun: it cannot be restored
/// any more, and a purge that was cut short goes on with it.
inline constexpr timestamp condemned_at{std::chrono::microseconds{1}};

/// Requires: the row is deleted.
template <class Row>
timestamp deleted_since(const Row& row) {
    if constexpr (requires { row.deleted_at; }) {
        // A row from a dump may not say when; it has not been changed since.
        return row.deleted_at == condemned_at ? condemned_at
                                              : std::max(row.deleted_at, row.updated_at);
    } else {
        return row.updated_at;
    }
}

/// What was deleted before this instant is to be purged at `at`: whatever is not, can be restored
/// at `at` and later.
inline timestamp purged_before(timestamp at, std::chrono::seconds retention) {
    return at - retention;
}

template <class Row>
bool is_over(const Row& row, timestamp before) {
    return row.is_deleted && deleted_since(row) < before;
}

}  // namespace pinhole::storage
