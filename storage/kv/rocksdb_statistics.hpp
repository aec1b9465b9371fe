// What RocksDB says of its own size and work. Thread-safe. Blocks: as statistics.hpp says.
#pragma once

#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/statistics.hpp"

namespace pinhole::kv {

store_statistics read_statistics(const database& database);

}  // namespace pinhole::kv
