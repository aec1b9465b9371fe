// Reads from one RocksDB snapshot.
//
// Thread-safety: belongs to one thread. Blocking: as its read_mode says.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <span>
#include <vector>

#include "storage/kv/rocksdb_database.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

class rocksdb_reader final : public reader {
public:
    rocksdb_reader(std::shared_ptr<const database> database, read_mode mode);
    ~rocksdb_reader() override;
    rocksdb_reader(const rocksdb_reader&) = delete;
    rocksdb_reader& operator=(const rocksdb_reader&) = delete;

    std::optional<value_with_stamp> get(const key& key) const override;
    std::vector<std::optional<value_with_stamp>> multi_get(
        std::span<const key> keys) const override;
    std::vector<row> scan(const range& range) const override;
    std::vector<located_row> walk(family_id family, const key* beyond,
                                  std::uint32_t limit) const override;
    std::int64_t counter(const key& key) const override;
    std::vector<std::int64_t> counters(std::span<const key> keys) const override;
    std::uint64_t approximate_rows(family_id family) const override;

private:
    bool is_cached() const { return options_.read_tier == rocksdb::kBlockCacheTier; }
    /// Counts rows read; a cached reader that has read too many is told to go where it may block.
    void charge(std::size_t rows) const;
    /// The value at a key, valid until the next call; null when there is none.
    const rocksdb::PinnableSlice* find(const family& family, const key& key) const;
    /// Looks all keys up at once; entry n of `values_` then holds the value of key n, if
    /// `found(n)`.
    void find_all(std::span<const key> keys) const;
    bool found(std::size_t at, const family& family) const;

    std::shared_ptr<const database> shared_;
    const database& database_;
    rocksdb::ReadOptions options_;
    // Kept between calls, so that a reader allocates them once.
    mutable std::size_t rows_read_ = 0;
    mutable rocksdb::PinnableSlice value_;
    mutable std::vector<rocksdb::PinnableSlice> values_;
    mutable std::vector<rocksdb::Status> statuses_;
};

}  // namespace pinhole::kv
