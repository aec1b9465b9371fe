// The one thread that writes: takes all waiting commits, has them decided, writes what passes with
// one synced write, completes them.
//
// Thread-safety: submit, from any thread. Blocking: submit never; the destructor until what is
// queued is finished.
#pragma once

#include <rocksdb/options.h>

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "storage/kv/rocksdb_commit_group.hpp"
#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/kv/statistics.hpp"

namespace pinhole::kv {

class committer {
public:
    /// Opens the database for writing, where it is open for reading alone, once there is room.
    /// Requires: the database and its health outlive it.
    committer(current_database& database, health_tracker& health, const rocksdb_options& options);
    /// Stops taking, finishes what is queued.
    ~committer();
    committer(const committer&) = delete;
    committer& operator=(const committer&) = delete;

    void submit(commit commit, store::completion done);

    /// Sets the numbers that come from here. From any thread.
    void read_into(store_counters& counters) const;

private:
    struct waiting {
        kv::commit commit;
        store::completion done;
        std::size_t bytes = 0;
        outcome result = outcome::unavailable;
    };

    bool enqueue(waiting& one);
    void run() noexcept;
    /// Waits for commits, but no longer than until the room is due for a look (empty then).
    /// None when the store is closing and nothing is queued.
    std::optional<std::vector<waiting>> take_waiting();
    /// As many as one write may carry, from the front.
    static std::span<waiting> next_group(std::span<waiting> commits);
    /// Those that may be written now, moved to the front in their order.
    std::span<waiting> admit(std::span<waiting> group) const;
    void finish(std::span<waiting> group);
    void count(outcome what);
    void decide(std::span<waiting> group);
    void write(std::span<waiting> group);
    void look_at_room();
    void try_to_resume();
    void try_to_open();

    current_database& current_;
    health_tracker& health_;
    const rocksdb_options options_;
    rocksdb::WriteOptions write_options_;
    const std::size_t queue_commits_max_;
    const std::size_t queue_bytes_max_;
    const std::uint64_t reserve_bytes_;
    const std::chrono::milliseconds room_interval_;
    std::function<std::uint64_t()> free_bytes_;
    std::chrono::steady_clock::time_point room_due_;
    std::chrono::steady_clock::time_point open_due_;
    std::atomic<bool> is_opening_ = false;

    // Of the commit thread, the constructor aside.
    std::shared_ptr<database> database_;
    std::optional<commit_group> group_;
    bool may_use_reserve_ = false;  ///< as the last look found it

    std::atomic<std::uint64_t> groups_ = 0;
    std::array<std::atomic<std::uint64_t>, 5> outcomes_{};  ///< by outcome
    mutable std::mutex mutex_;
    std::condition_variable arrived_;
    std::vector<waiting> queue_;
    std::size_t queue_bytes_ = 0;
    bool stopping_ = false;

    std::thread thread_;  ///< last: starts when everything else is there
};

}  // namespace pinhole::kv
