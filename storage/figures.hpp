// What an open database can say of itself to whoever watches over it, as plain numbers.
//
// Thread-safe. Blocks: on the disk, for some milliseconds; how much is read is bounded.
#pragma once

#include <cstdint>

#include "storage/database.hpp"
#include "storage/kv/statistics.hpp"

namespace pinhole::storage {

/// Of a file system.
struct disk_room {
    std::uint64_t free_bytes = 0;  ///< for this process
    std::uint64_t bytes = 0;
};

/// Jobs and marks are counted so far: who has more waiting has them all the same.
inline constexpr std::uint32_t waiting_counted_max = 10'000;

struct database_figures {
    kv::store_statistics store;
    kv::store_counters counters;
    disk_room rows;   ///< where the rows lie
    disk_room media;  ///< where the media lie: often the same
    std::uint64_t jobs_waiting = 0;
    std::uint64_t unranked_posts = 0;  ///< marks (ranking.hpp)
    std::uint64_t unranked_users = 0;
};

/// Errors: throws kv::storage_failure, std::filesystem::filesystem_error.
database_figures read_figures(database& database);

}  // namespace pinhole::storage
