// Keeps each file's bytes where its visibility says: in the public tree while it, its post and the
// post's author are alive, else in the hidden one. A web server may serve the public tree by
// itself, so this is what makes a deleted photo unreachable there.
//
// Thread-safe: placements of one post take turns, and each looks at the rows anew, so whichever
// comes last leaves the newest state. Blocks: on the disk.
#pragma once

#include <array>
#include <mutex>
#include <vector>

#include "storage/jobs.hpp"
#include "storage/kv/store.hpp"
#include "storage/media/media_store.hpp"

namespace pinhole::storage {

class media_placement {
public:
    media_placement(kv::store& store, media::media_store& media) : store_(store), media_(media) {}

    /// Does a place_post_media or place_account_media job to its end and forgets it.
    /// Errors: storage_full; what throws is kv::storage_failure or std::system_error. The job
    /// then stays.
    result<void> carry_out(const job& job);

private:
    result<void> place_post(entity_id post);
    result<void> place_posts_of(entity_id author);

    kv::store& store_;
    media::media_store& media_;
    std::array<std::mutex, 64> post_locks_;  ///< by post id modulo their number
};

}  // namespace pinhole::storage
