// What a store can say of its own size and work, for operators alone: nothing decides by it.
// A backend that can say it implements `statistics_source` beside `store`.
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

/// Null where the backend says nothing.
const statistics_source* statistics_of(const store& store);

}  // namespace pinhole::kv
