// What the RocksDB store can do right now, told by whoever finds out: the commit thread (its own
// writes, the room on the disk), readers whom the disk refuses, and RocksDB's background threads.
//
// RocksDB's own properties stay silent after a fatal write error (`rocksdb.background-errors` and
// `is-write-stopped` remain 0), so these are the only signals there are.
// Thread-safety: all of it, from any thread. Nothing blocks.
#pragma once

#include <atomic>
#include <functional>
#include <string_view>

#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

class health_tracker {
public:
    health_tracker(log_function log, std::function<void()> on_failure);

    health current() const noexcept;
    bool database_full() const noexcept { return database_full_; }
    /// Nothing is wrong but that the reserve has been reached.
    bool only_room_is_low() const noexcept;

    /// Final. The first call logs and tells the owner; later ones only log.
    void fail(std::string_view why);
    /// RocksDB itself ran into the end of the disk, or has recovered from it.
    void set_database_full(bool full);
    /// Less room is left than the reserve, or enough again.
    void set_room_low(bool low);

    void log(log_level level, std::string_view message) const;

private:
    log_function log_;
    std::function<void()> on_failure_;
    std::atomic<bool> failed_ = false;
    std::atomic<bool> database_full_ = false;
    std::atomic<bool> room_low_ = false;
};

}  // namespace pinhole::kv
