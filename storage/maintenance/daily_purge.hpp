// Purges once a day, by the clock on the wall: what a server does by itself.
//
// What a clock says that is wrong for a while must not cost anybody's posts. So a run removes what
// was over already when the run before it was made, a day ago or longer: nothing goes before two
// looks at the clock, a day apart, have agreed, and what is deleted goes a day or two after it can
// no longer be restored. When the last run was is kept in the database: restarts neither skip nor
// repeat one. A run that was cut short is made again.
//
// For one thread. Blocks: `look`, while it purges.
#pragma once

#include <chrono>
#include <functional>
#include <stop_token>

#include "storage/base/time.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"
#include "storage/media_placement.hpp"

namespace pinhole::storage {

class daily_purge {
public:
    using clock = std::function<timestamp()>;

    daily_purge(kv::store& store, media_placement& placement, std::chrono::seconds retention,
                clock now, kv::log_function log)
        : store_(store),
          placement_(placement),
          retention_(retention),
          now_(std::move(now)),
          log_(std::move(log)) {}

    /// Purges if it is time to, and says in the log what is gone. True: it has.
    /// Errors: as `purge`; the next look tries again.
    bool look(const std::stop_token& stop);

private:
    void note_run(timestamp at);

    kv::store& store_;
    media_placement& placement_;
    std::chrono::seconds retention_;
    clock now_;
    kv::log_function log_;
};

}  // namespace pinhole::storage
