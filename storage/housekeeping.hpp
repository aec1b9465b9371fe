// The background threads: one keeps the id generator's ceiling ahead (without which nothing can be
// created, so it waits for nothing else); one brings rows to their places in the indexes by counts
// (ranking.hpp), since queries by them cost more the further it is behind; the third carries out
// jobs, removes expired sessions and idempotency records, and shortens those which a clock that was
// ahead has made too long; the fourth, where that is asked for, purges once a day.
//
// Thread-safe. Blocks: only its own threads, and `stop` until the present step is done.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string_view>
#include <thread>

#include "storage/base/id.hpp"
#include "storage/clock_watch.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"
#include "storage/maintenance/daily_purge.hpp"
#include "storage/media_placement.hpp"

namespace pinhole::storage {

struct daily_purge_options {
    std::chrono::seconds retention{};
    std::chrono::milliseconds delay{};  ///< from the start to the first look
    daily_purge::clock now;
};

class housekeeping {
public:
    housekeeping(kv::store& store, id_generator& ids, media_placement& placement,
                 kv::log_function log, std::chrono::seconds token_life);
    housekeeping(const housekeeping&) = delete;
    housekeeping& operator=(const housekeeping&) = delete;
    ~housekeeping();

    /// Before `start`: has it purge once a day.
    void purge_daily(daily_purge_options options);
    /// Starts the threads.
    void start();
    /// There may be a job: look now, not at the next round.
    void wake();
    void stop();

    /// Makes a new ceiling durable if one is wanted. False if the store did not take it.
    bool raise_id_ceiling();
    /// Carries out the jobs of the kinds that move media; before serving starts, so that nothing
    /// deleted is reachable even for a moment.
    void finish_media_jobs();

private:
    void run();
    void keep_ids_ahead();
    void keep_ranked();
    void keep_purged(const std::stop_token& stop);
    /// Takes one step of each job in turn, so that a long one keeps no other waiting, until all
    /// that is left waits for something.
    void run_jobs();
    job_step take_step(const job& job);
    job_step take_settle_step(const job& job);
    void report(const job& job, std::string_view problem) const;
    void remove_expired();
    bool is_stopping() const;

    kv::store& store_;
    id_generator& ids_;
    media_placement& placement_;
    kv::log_function log_;
    std::chrono::seconds token_life_;
    clock_watch clock_watch_;  ///< of the thread that raises the ceiling
    std::optional<daily_purge> daily_purge_;
    std::chrono::milliseconds purge_delay_{};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    bool woken_ = true;
    std::thread thread_;
    std::thread ids_thread_;
    std::thread ranking_thread_;
    std::jthread purge_thread_;
};

/// The newest date that a row was made at, of those before `until`; 1970 if there is none.
timestamp read_newest_date(const kv::reader& reader, timestamp until);

/// The id ceiling that the last run made durable, in milliseconds since 1970; 0 if there is none.
std::int64_t read_id_ceiling_ms(const kv::reader& reader);
void append_id_ceiling_ms(kv::commit& commit, std::int64_t ceiling_ms);

}  // namespace pinhole::storage
