#include "storage/kv/rocksdb_tuning.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_buffer_manager.h>

#include "storage/kv/rocksdb_events.hpp"
#include "storage/kv/rocksdb_format.hpp"
#include "storage/kv/rocksdb_sum_merge.hpp"

namespace pinhole::kv {
namespace {

constexpr std::size_t mebibyte = std::size_t{1} << 20U;

/// A full disk heals only once this much is free, so it bounds the reserve from below.
constexpr std::size_t write_buffer_bytes = 16 * mebibyte;
static_assert(reserve_bytes_min == 2 * write_buffer_bytes);
/// Of all families together; counted against the block cache.
constexpr std::size_t write_buffers_bytes_max = 48 * mebibyte;
/// Bounds the replay at start: a family that is seldom written would keep old logs alive for long.
constexpr std::size_t log_bytes_max = 128 * mebibyte;
/// Filter bits for each key: about 1 % false positives.
constexpr double filter_bits = 10;
/// Of a posting's key, what the entries of a trigram have in common: part, index number, alive,
/// term.
constexpr std::size_t postings_front_bytes = part_bytes + 2 + 3;
/// Adds to one counter that may pile up in memory before they are summed: every read of it walks
/// them.
constexpr std::size_t successive_merges_max = 16;
/// A table in which half of so many entries in a row are deletions is compacted without waiting for
/// its turn: lists begin at the end of an index where rows come and go, and jobs are a queue, so
/// reads would step over the same deletions again and again. Half of what a cached reader steps
/// over before it gives up (cached_rows_max in rocksdb_reader.cpp), so that it gets past them.
constexpr std::size_t deletions_window = 2048;
constexpr std::size_t deletions_max = deletions_window / 2;

rocksdb::BlockBasedTableOptions make_table_options(family_kind kind,
                                                   const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = cache;
    // Inside the cache they cannot grow memory with the data; high priority keeps a scan from
    // evicting them, and the newest level's are never evicted.
    table.cache_index_and_filter_blocks = true;
    table.cache_index_and_filter_blocks_with_high_priority = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.format_version = 5;
    // Postings are scanned, and hardly ever read by their key: what serves such reads would be a
    // fifth of their tables, and a third of the work of writing them.
    if (kind != family_kind::postings) {
        table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(filter_bits));
        // Of an index the entries of a part are looked for; who asks for a single one knows that it
        // is there.
        table.whole_key_filtering = kind != family_kind::index;
    }
    // A hash inside each data block: point reads skip the binary search.
    if (kind == family_kind::rows || kind == family_kind::counters) {
        table.data_block_index_type = rocksdb::BlockBasedTableOptions::kDataBlockBinaryAndHash;
    }
    return table;
}

}  // namespace

rocksdb::DBOptions make_database_options(const rocksdb_options& options,
                                         const std::shared_ptr<rocksdb::Cache>& cache,
                                         const std::shared_ptr<health_tracker>& health) {
    rocksdb::DBOptions database;
    database.create_if_missing = true;
    database.create_missing_column_families = true;
    database.info_log = std::make_shared<log_bridge>(health);
    database.listeners.push_back(std::make_shared<error_listener>(health));

    // Durability. The default recovery mode opens happily after one flipped byte in the log and
    // drops every acknowledged write behind it; without paranoid checks a failed sync is forgotten
    // and the next write acknowledged on the same file; a recycled log holds old records behind its
    // end, which makes a torn tail look like damage.
    database.wal_recovery_mode = options.on_damaged_log == damaged_log::refuse
                                     ? rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords
                                     : rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    database.paranoid_checks = true;
    database.verify_sst_unique_id_in_manifest = !options.ingests_tables;
    database.recycle_log_file_num = 0;
    database.track_and_verify_wals_in_manifest = true;
    database.manual_wal_flush = false;
    database.avoid_flush_during_recovery = false;

    // One thread writes: nothing to gain from RocksDB's coordination of many, and summing merges
    // in the memtable needs a single inserter.
    database.allow_concurrent_memtable_write = false;
    database.enable_write_thread_adaptive_yield = false;

    // Every table stays open, so that a cached read never opens a file.
    database.max_open_files = -1;
    // The last reader of a replaced file would delete it, on an io thread.
    database.avoid_unnecessary_blocking_io = true;
    // Without them `approximate_rows` would know nothing until tables are rewritten. Every table is
    // opened at the start anyway.
    database.skip_stats_update_on_db_open = false;
    database.write_buffer_manager =
        std::make_shared<rocksdb::WriteBufferManager>(write_buffers_bytes_max, cache);
    database.max_total_wal_size = log_bytes_max;
    database.max_manifest_file_size = 64 * mebibyte;
    // Written back in the background piece by piece, so that a flush's final sync, which a commit's
    // sync queues behind, is short.
    database.bytes_per_sync = mebibyte;
    database.stats_dump_period_sec = 0;
    database.stats_persist_period_sec = 0;
    return database;
}

rocksdb::ColumnFamilyOptions make_family_options(family_kind kind,
                                                 const std::shared_ptr<rocksdb::Cache>& cache) {
    rocksdb::ColumnFamilyOptions family;
    family.write_buffer_size = write_buffer_bytes;
    // Bits per entry come to about 10 for entries of 100 bytes; it is allocated with the memtable,
    // so a larger share would cost every idle family.
    family.memtable_prefix_bloom_size_ratio = 0.02;
    family.memtable_whole_key_filtering = true;
    family.compression = rocksdb::kLZ4Compression;
    family.level_compaction_dynamic_level_bytes = true;
    family.target_file_size_base = 32 * mebibyte;
    family.max_bytes_for_level_base = 128 * mebibyte;
    if (kind == family_kind::index) {
        // Range scans stay inside a part: files without any key of it are skipped by their filter.
        family.prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(part_bytes));
        family.table_properties_collector_factories.push_back(
            rocksdb::NewCompactOnDeletionCollectorFactory(deletions_window, deletions_max));
    }
    if (kind == family_kind::postings) {
        // New entries of a term mostly go behind its last one: the memtable remembers where.
        family.memtable_insert_with_hint_prefix_extractor.reset(
            rocksdb::NewFixedPrefixTransform(postings_front_bytes));
        family.memtable_prefix_bloom_size_ratio = 0;
        family.memtable_whole_key_filtering = false;
    }
    if (kind == family_kind::counters) {
        family.merge_operator = std::make_shared<sum_merge>();
        family.max_successive_merges = successive_merges_max;
    }
    family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(make_table_options(kind, cache)));
    return family;
}

}  // namespace pinhole::kv
