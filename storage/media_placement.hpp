// Keeps each file's bytes where its visibility says: in the public tree while it, its post and the
// post's author are alive, else in the hidden one. A web server may serve the public tree by
// itself, so this is what makes a deleted photo unreachable there.
//
// Thread-safe: placements take turns, and each looks at the rows anew, so whichever comes last
// leaves the newest state. Blocks: on the disk.
#pragma once

#include <mutex>
#include <span>

#include "storage/jobs.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/media/media_store.hpp"

namespace pinhole::storage {

class media_placement {
public:
    media_placement(kv::store& store, media::media_store& media, kv::log_function log)
        : store_(store), media_(media), log_(std::move(log)) {}

    /// Does a place_post_media or place_account_media job to its end and forgets it. Does nothing
    /// if there is no such job: it was done already, or nothing was to be moved.
    /// Errors: storage_full; what throws is kv::storage_failure or std::system_error. The job
    /// then stays.
    result<void> carry_out(const job& job);

private:
    result<void> place_posts(std::span<const entity_id> posts);
    result<void> place_posts_of(entity_id author);

    kv::store& store_;
    media::media_store& media_;
    kv::log_function log_;
    std::mutex mutex_;
};

}  // namespace pinhole::storage
