// An open RocksDB database with its families, closed in the right order: Debian's build has
// assertions on and aborts when a database is closed while a handle, iterator or snapshot of it
// lives.
//
// Thread-safety: immutable once made; RocksDB's own calls are thread-safe.
// Blocking: opening and closing, on the disk.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <cassert>
#include <memory>
#include <string>
#include <vector>

#include "storage/kv/rocksdb_health.hpp"
#include "storage/kv/rocksdb_store.hpp"

namespace pinhole::kv {

struct family {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    family_kind kind = family_kind::rows;
    std::string name;
};

class database {
public:
    /// Errors: throws storage_failure; see open_rocksdb.
    database(const rocksdb_options& options, std::shared_ptr<health_tracker> health);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    rocksdb::DB& rocks() const { return *rocks_; }
    health_tracker& health() const { return *health_; }

    /// Requires: the family was named in the options.
    const family& family_of(family_id id) const {
        assert(families_[id].handle != nullptr);
        return families_[id];
    }

    /// A read has failed. If the disk refused it (and was not merely full), nothing that it holds
    /// can be trusted: health fails. A damaged block costs this read alone, and is logged.
    /// Errors: always throws storage_failure.
    [[noreturn]] void fail_read(const family& family, const rocksdb::Status& status) const;

    /// Readers say when they come and go: none may be left when the database closes.
    void reader_made() const noexcept { ++readers_; }
    void reader_gone() const noexcept { --readers_; }

private:
    void open(const rocksdb_options& options);

    std::shared_ptr<health_tracker> health_;
    std::unique_ptr<rocksdb::Env> environment_;
    std::shared_ptr<rocksdb::Cache> cache_;
    std::unique_ptr<rocksdb::DB> rocks_;
    std::vector<rocksdb::ColumnFamilyHandle*> handles_;
    std::array<family, 256> families_;
    mutable std::atomic<int> readers_ = 0;
};

}  // namespace pinhole::kv
