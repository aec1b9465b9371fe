// Removes for good what was deleted longer ago than it can be restored: users with all that is
// theirs, posts with all that hangs under them, and files, comments and likes by themselves.
//
// What goes is a row that was deleted before `before`, or that hangs under, or was written by, one
// that goes. Nothing that can be restored goes, and nothing that somebody else's row refers to. A
// purged username is free again, and so is a user's place among a post's likes.
//
// In which order, so that at every instant all that is left agrees with each other:
//   1. A user or post is condemned: its row says that its purge has begun (retention.hpp). From
//   then
//      on it cannot be restored, and whatever was about to be written under it conflicts.
//   2. What hangs under it goes, in commits of bounded size, with its share of the counters.
//   3. It goes itself; a post in one commit with its files' rows, and with a job for their bytes.
//   4. The job removes the bytes (media_placement.hpp): no row is ever without its own, and none
//      stay behind without a row, but for those that a job is still to remove.
// Killed at any moment it goes on when run again; the jobs go on by themselves.
//
// It may run while the database is served, here or by another process: commits check the rows they
// were planned on, and what was restored meanwhile is left alone.
//
// What lies under a row that nobody can read is left as it is, and counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "storage/base/time.hpp"
#include "storage/base/work.hpp"
#include "storage/kv/store.hpp"
#include "storage/media_placement.hpp"

namespace pinhole::storage {

struct purge_options {
    timestamp before{};    ///< as `purged_before` gives it
    bool dry_run = false;  ///< count only
    work_watch watch = {};
};

struct purge_report {
    std::size_t users = 0;
    std::size_t posts = 0;
    std::size_t files = 0;
    std::size_t comments = 0;
    std::size_t likes = 0;
    std::uint64_t media_bytes = 0;  ///< of the files, as their rows said
    std::size_t left = 0;           ///< that should go, but something of them cannot be read

    bool operator==(const purge_report&) const = default;
};

/// "2 users, 10 posts, 11 files (1234 bytes), 3 comments, 0 likes"
std::string to_text(const purge_report& report);

/// `placement` is that of the process that has the database open; null where that is another one,
/// which then removes the bytes.
/// Blocks: on the disk, for as long as it takes; other writers wait for no more than one commit of
/// some thousand operations.
/// Errors: throws kv::storage_failure if the store takes no writes; std::system_error if bytes
/// cannot be removed; work_interrupted.
purge_report purge(kv::store& store, media_placement* placement, const purge_options& options);

}  // namespace pinhole::storage
