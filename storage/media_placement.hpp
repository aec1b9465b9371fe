// Keeps each file's bytes where its visibility says: in the public tree while it, its post and the
// post's author are alive, else in the hidden one. A web server may serve the public tree by
// itself, so this is what makes a deleted photo unreachable there. And removes the bytes of files
// whose rows have been purged.
//
// Thread-safety: steps take turns in the order in which they came, and each looks at the rows and
// at the job anew, so whichever comes last leaves the newest state, and two who carry out the same
// job share its work. Blocks: on the disk, and for a turn.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>
#include <string>

#include "storage/jobs.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"
#include "storage/maintenance/purge_gate.hpp"
#include "storage/media/media_store.hpp"

namespace pinhole::storage {

class media_placement {
public:
    media_placement(kv::store& store, media::media_store& media, kv::log_function log)
        : store_(store), media_(media), log_(std::move(log)) {}

    /// Does one step of a job that moves or removes media: few enough files that nobody waits long
    /// for a turn. `done` also if there is no such job: nothing was to be moved. `waits` while
    /// somebody holds removals up.
    /// Errors: storage_full; what throws is kv::storage_failure or std::system_error. The job
    /// then stays.
    result<job_step> take_step(const job& job);

    /// Calls `function` while nothing here moves or removes a file.
    void in_turn(const std::function<void()>& function);

    /// What removes bytes for good asks this first.
    purge_gate& purging() { return purging_; }

private:
    /// Holds the turn while it lives. A plain mutex favours who has just had it.
    class turn {
    public:
        explicit turn(media_placement& placement);
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn();

    private:
        media_placement& placement_;
    };

    result<void> place_posts(std::span<const entity_id> posts);
    result<job_step> place_post(const pending_job& seen);
    result<job_step> place_next_posts(const pending_job& seen);
    job_step remove_media(const pending_job& seen);

    kv::store& store_;
    media::media_store& media_;
    kv::log_function log_;
    purge_gate purging_;

    std::mutex mutex_;
    std::condition_variable next_;
    std::uint64_t turns_taken_ = 0;
    std::uint64_t turn_now_ = 0;
};

}  // namespace pinhole::storage
