// What a store can say of its own size and work, for operators alone: nothing decides by it.
// A backend that can say it implements `statistics_source` or `counters_source` beside `store`.
//
// Thread-safe. Blocks: no longer than listing a directory takes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "storage/kv/store.hpp"

namespace pinhole::kv {

struct family_statistics {
    std::string name;
    std::uint64_t approximate_rows = 0;
    std::uint64_t disk_bytes = 0;    ///< of its files, as they are compressed
    std::uint64_t memory_bytes = 0;  ///< written, and not yet in a file
    std::uint64_t files = 0;
};

struct store_statistics {
    std::vector<family_statistics> families;  ///< in the order of their ids
    std::uint64_t cache_bytes = 0;            ///< of blocks in the cache
    std::uint64_t cache_bytes_max = 0;
    std::uint64_t log_bytes = 0;  ///< of the write-ahead log
    std::uint64_t compaction_pending_bytes = 0;
    std::uint64_t compactions_running = 0;
    std::uint64_t flushes_running = 0;
};

class statistics_source {
public:
    virtual ~statistics_source() = default;
    /// Errors: throws storage_failure.
    virtual store_statistics statistics() const = 0;
};

/// What a store has done in this process since it was opened. Numbers only grow, but for a store
/// that was opened for reading alone (a full disk) and is opened anew: it begins at 0 again.
struct store_counters {
    std::uint64_t cache_hits = 0;  ///< of blocks
    std::uint64_t cache_misses = 0;
    std::uint64_t table_bytes_read = 0;  ///< from files, compactions included
    std::uint64_t log_bytes_written = 0;
    std::uint64_t log_syncs = 0;
    std::uint64_t flush_bytes_written = 0;
    std::uint64_t compaction_bytes_read = 0;
    std::uint64_t compaction_bytes_written = 0;
    std::uint64_t stall_us = 0;  ///< writes were held back for so long

    std::uint64_t commits_waiting = 0;  ///< now
    std::uint64_t commit_groups = 0;    ///< each with one write
    std::uint64_t commits_ok = 0;
    std::uint64_t commits_conflict = 0;
    std::uint64_t commits_exists = 0;
    std::uint64_t commits_unknown = 0;
    std::uint64_t commits_unavailable = 0;
};

class counters_source {
public:
    virtual ~counters_source() = default;
    virtual store_counters counters() const = 0;
};

/// Null where the backend says nothing, or is another process's.
const statistics_source* statistics_of(const store& store);
const counters_source* counters_of(const store& store);

}  // namespace pinhole::kv
