#include "storage/kv/rocksdb_tickers.hpp"

#include <algorithm>

namespace pinhole::kv {
namespace {

constexpr std::uint8_t forgotten = 0xff;

constexpr std::array<std::uint32_t, 10> kept{
    rocksdb::BLOCK_CACHE_HIT,       rocksdb::BLOCK_CACHE_MISS,
    rocksdb::LAST_LEVEL_READ_BYTES, rocksdb::NON_LAST_LEVEL_READ_BYTES,
    rocksdb::WAL_FILE_BYTES,        rocksdb::WAL_FILE_SYNCED,
    rocksdb::FLUSH_WRITE_BYTES,     rocksdb::COMPACT_READ_BYTES,
    rocksdb::COMPACT_WRITE_BYTES,   rocksdb::STALL_MICROS};

constexpr auto places = [] {
    std::array<std::uint8_t, rocksdb::TICKER_ENUM_MAX> table{};
    table.fill(forgotten);
    for (std::size_t i = 0; i < kept.size(); ++i) {
        table[kept[i]] = static_cast<std::uint8_t>(i);
    }
    return table;
}();

std::uint8_t place_of(std::uint32_t type) {
    return type < places.size() ? places[type] : forgotten;
}

}  // namespace

tickers::tickers() {
    static_assert(kept.size() == kept_count);
    // No timers either: RocksDB would read the clock for each.
    set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
}

std::size_t tickers::own_lane() {
    static std::atomic<std::size_t> threads{0};
    thread_local const std::size_t own =
        threads.fetch_add(1, std::memory_order_relaxed) % lane_count;
    return own;
}

void tickers::recordTick(std::uint32_t type, std::uint64_t count) {
    const auto place = place_of(type);
    if (place != forgotten) {
        lanes_[own_lane()].counts[place].fetch_add(count, std::memory_order_relaxed);
    }
}

std::uint64_t tickers::getTickerCount(std::uint32_t type) const {
    const auto place = place_of(type);
    std::uint64_t sum = 0;
    if (place != forgotten) {
        for (const auto& each : lanes_) {
            sum += each.counts[place].load(std::memory_order_relaxed);
        }
    }
    return sum;
}

/// RocksDB sets some itself; none of those that are kept.
void tickers::setTickerCount(std::uint32_t /*type*/, std::uint64_t /*count*/) {}

/// For programs that want differences: this one does not, and what is read must go on growing.
std::uint64_t tickers::getAndResetTickerCount(std::uint32_t type) {
    return getTickerCount(type);
}

void tickers::histogramData(std::uint32_t /*type*/, rocksdb::HistogramData* data) const {
    *data = {};
}

void tickers::recordInHistogram(std::uint32_t /*type*/, std::uint64_t /*value*/) {}

bool tickers::HistEnabledForType(std::uint32_t /*type*/) const {
    return false;
}

void tickers::read_into(store_counters& counters) const {
    counters.cache_hits = getTickerCount(rocksdb::BLOCK_CACHE_HIT);
    counters.cache_misses = getTickerCount(rocksdb::BLOCK_CACHE_MISS);
    counters.table_bytes_read = getTickerCount(rocksdb::LAST_LEVEL_READ_BYTES) +
                                getTickerCount(rocksdb::NON_LAST_LEVEL_READ_BYTES);
    counters.log_bytes_written = getTickerCount(rocksdb::WAL_FILE_BYTES);
    counters.log_syncs = getTickerCount(rocksdb::WAL_FILE_SYNCED);
    counters.flush_bytes_written = getTickerCount(rocksdb::FLUSH_WRITE_BYTES);
    counters.compaction_bytes_read = getTickerCount(rocksdb::COMPACT_READ_BYTES);
    counters.compaction_bytes_written = getTickerCount(rocksdb::COMPACT_WRITE_BYTES);
    counters.stall_us = getTickerCount(rocksdb::STALL_MICROS);
}

}  // namespace pinhole::kv
