// An open RocksDB database with its families, closed in the right order: Debian's build has
// assertions on and aborts when a database is closed while a handle, iterator or snapshot of it
// lives.
//
// RocksDB cannot open a database on a full disk, since it writes when it does. It can be opened for
// reading then, which keeps the last writes in memory alone, and opened anew when there is room.
//
// Thread-safety: immutable once made; RocksDB's own calls are thread-safe.
// Blocking: opening and closing, on the disk.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <cassert>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/kv/rocksdb_health.hpp"
#include "storage/kv/rocksdb_mark.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/kv/rocksdb_tickers.hpp"

namespace pinhole::kv {

struct family {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    family_kind kind = family_kind::rows;
    std::string name;
};

enum class open_mode : std::uint8_t { read_write, read_only };

/// There is no room to open a database.
struct no_room : storage_failure {
    using storage_failure::storage_failure;
};
/// What is there lacks a family, and was opened for reading alone, which makes none.
struct missing_family : storage_failure {
    using storage_failure::storage_failure;
};

class database {
public:
    /// Errors: throws storage_failure; see open_rocksdb. `no_room` of them where the disk is full.
    database(const rocksdb_options& options, std::shared_ptr<health_tracker> health,
             open_mode mode = open_mode::read_write);
    ~database();
    database(const database&) = delete;
    database& operator=(const database&) = delete;

    rocksdb::DB& rocks() const { return *rocks_; }
    health_tracker& health() const { return *health_; }
    const std::shared_ptr<health_tracker>& shared_health() const { return health_; }
    kv::mark& mark() const { return *mark_; }
    const kv::tickers& counts() const { return *tickers_; }
    bool is_read_only() const { return mode_ == open_mode::read_only; }

    /// Requires: the family was named in the options.
    const family& family_of(family_id id) const {
        assert(families_[id].handle != nullptr);
        return families_[id];
    }
    /// Null if the options named no such family.
    const family* find_family(family_id id) const {
        return families_[id].handle != nullptr ? &families_[id] : nullptr;
    }

    /// A read has failed. If the disk refused it (and was not merely full), nothing that it holds
    /// can be trusted: health fails. A damaged block costs this read alone.
    /// Errors: always throws storage_failure, which whoever asked logs.
    [[noreturn]] void fail_read(const family& family, const rocksdb::Status& status) const;

    /// A read-only database is locked against other processes, as RocksDB does with one that it
    /// writes to. To open it anew it has to be unlocked. Errors: `lock` throws storage_failure.
    void lock(const rocksdb_options& options);
    void unlock();

    /// Readers say when they come and go: none may be left when the database closes.
    void reader_made() const noexcept { ++readers_; }
    void reader_gone() const noexcept { --readers_; }
    int readers() const noexcept { return readers_; }

private:
    struct lock_release {
        rocksdb::Env* environment;
        void operator()(rocksdb::FileLock* lock) const { environment->UnlockFile(lock); }
    };

    void open(const rocksdb_options& options);

    std::shared_ptr<health_tracker> health_;
    open_mode mode_;
    std::unique_ptr<kv::mark> mark_;
    std::unique_ptr<rocksdb::Env> environment_;
    std::shared_ptr<rocksdb::Cache> cache_;
    std::shared_ptr<kv::tickers> tickers_;
    std::unique_ptr<rocksdb::FileLock, lock_release> lock_;  ///< ours, where RocksDB has none yet
    std::unique_ptr<rocksdb::DB> rocks_;
    std::vector<rocksdb::ColumnFamilyHandle*> handles_;
    std::array<family, 256> families_;
    mutable std::atomic<int> readers_ = 0;
};

/// The database that is read from and written to right now: another one, once a read-only one has
/// been opened for writing. Whoever reads keeps the one that was current when they came.
/// Thread-safe; never blocks for long.
class current_database {
public:
    explicit current_database(std::shared_ptr<database> first) : current_(std::move(first)) {}

    std::shared_ptr<database> get() const {
        const std::lock_guard lock(mutex_);
        return current_;
    }
    void replace(std::shared_ptr<database> next) {
        const std::lock_guard lock(mutex_);
        current_.swap(next);
    }

private:
    mutable std::mutex mutex_;
    std::shared_ptr<database> current_;
};

}  // namespace pinhole::kv
