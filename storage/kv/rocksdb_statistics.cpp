#include "storage/kv/rocksdb_statistics.hpp"

#include <rocksdb/metadata.h>

#include <cstddef>

namespace pinhole::kv {
namespace {

using properties = rocksdb::DB::Properties;

/// 0 where RocksDB does not know, as of a database that is open for reading alone.
std::uint64_t number(const database& database, const family& family, const std::string& property) {
    std::uint64_t value = 0;
    database.rocks().GetIntProperty(family.handle, property, &value);
    return value;
}

std::uint64_t sum_of_log_files(const database& database) {
    rocksdb::VectorLogPtr files;
    std::uint64_t bytes = 0;
    if (database.rocks().GetSortedWalFiles(files).ok()) {
        for (const auto& file : files) {
            bytes += file->SizeFileBytes();
        }
    }
    return bytes;
}

}  // namespace

store_statistics read_statistics(const database& database) {
    store_statistics statistics;
    for (unsigned id = 0; id < 256; ++id) {
        const family* const each = database.find_family(static_cast<family_id>(id));
        if (each == nullptr) {
            continue;
        }
        rocksdb::ColumnFamilyMetaData files;
        database.rocks().GetColumnFamilyMetaData(each->handle, &files);
        statistics.families.push_back({
            .name = each->name,
            .approximate_rows = number(database, *each, properties::kEstimateNumKeys),
            .disk_bytes = files.size,
            .memory_bytes = number(database, *each, properties::kCurSizeAllMemTables),
            .files = files.file_count,
        });
        statistics.compaction_pending_bytes +=
            number(database, *each, properties::kEstimatePendingCompactionBytes);
        // Of the whole database, whichever family is asked.
        statistics.cache_bytes = number(database, *each, properties::kBlockCacheUsage);
        statistics.cache_bytes_max = number(database, *each, properties::kBlockCacheCapacity);
        statistics.compactions_running =
            number(database, *each, properties::kNumRunningCompactions);
        statistics.flushes_running = number(database, *each, properties::kNumRunningFlushes);
    }
    statistics.log_bytes = sum_of_log_files(database);
    return statistics;
}

}  // namespace pinhole::kv
