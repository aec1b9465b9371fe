// Freezes an open database into a directory: how RocksDB is asked for it. See checkpoint.hpp.
#pragma once

#include <filesystem>

#include "storage/kv/rocksdb_database.hpp"

namespace pinhole::kv {

/// Errors: throws storage_failure.
void make_checkpoint(const database& database, const std::filesystem::path& directory);

}  // namespace pinhole::kv
