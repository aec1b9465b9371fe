// A note of how far the database goes, kept beside it, so that a start can tell a log that was torn
// by a crash from one that has lost what was acknowledged. RocksDB alone cannot: it takes a log or
// a manifest that ends too early, or is not there, for one that never was longer.
//
// The file `acknowledged` in the database's directory, one line of text:
//     sequence   of the last write that was acknowledged
//     log        the number of the write-ahead log that it stands in
//     removed    logs up to this number were removed, since tables hold all that was in them
//     manifest   the manifest's number, and how many of its bytes were on disk
//
// It never says more than is on the disk: it is written after what it tells of was synced. Nor is
// it synced for each commit, which would cost each a second sync: a crash of the process loses
// nothing of it, a power cut the last seconds. It is then only a weaker check, never a wrong one.
//
// Thread-safety: any thread. Blocking: on the disk.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>

#include "storage/base/unique_fd.hpp"
#include "storage/kv/rocksdb_health.hpp"

namespace pinhole::kv {

struct mark_values {
    std::uint64_t sequence = 0;
    std::uint64_t log = 0;  ///< 0: nothing has been acknowledged since the database was opened
    std::uint64_t removed = 0;
    std::uint64_t manifest = 0;
    std::uint64_t manifest_bytes = 0;
};

class mark {
public:
    mark(const std::filesystem::path& directory, std::shared_ptr<health_tracker> health);

    /// Compares the note with what is there, before RocksDB opens it. A database without a note (by
    /// an older version) passes.
    /// Errors: throws storage_failure when there is less than was acknowledged.
    void check() const;

    /// The database is open: tables hold all that there was, and nothing of it is in logs any more.
    void begin(std::uint64_t sequence);

    /// What is written up to this sequence number was synced. False if the note cannot be kept for
    /// another reason than a full disk; health has failed then.
    bool acknowledge(std::uint64_t sequence);

    // What the files' wrapper sees. Only the database's own files are its business: a checkpoint
    // has files of the same names and numbers elsewhere.
    bool is_own(const std::filesystem::path& file) const;
    void log_written(std::uint64_t number);
    bool log_will_be_removed(std::uint64_t number);
    void manifest_synced(std::uint64_t number, std::uint64_t bytes);

private:
    bool write(bool durably);

    std::filesystem::path directory_;
    std::shared_ptr<health_tracker> health_;
    std::mutex mutex_;
    mark_values values_;
    std::uint64_t log_now_ = 0;
    unique_fd file_;
};

/// RocksDB's files, of which it tells the mark. The mark must outlive it.
std::shared_ptr<rocksdb::FileSystem> make_marked_files(
    mark& mark, const std::shared_ptr<rocksdb::FileSystem>& files = rocksdb::FileSystem::Default());

}  // namespace pinhole::kv
