// Keeps a thread from the disk while it says so: reads of table files then fail with `Incomplete`
// instead of blocking.
//
// RocksDB's own means is kBlockCacheTier, which Get and iterators respect; the batched MultiGet of
// 7.8 reads data blocks from the disk all the same. The guard lets cached readers use it: the block
// that is missing is asked for here, refused, and comes back as the status of its keys.
//
// The environment that heeds the guards also calls a used-up quota what it is, a full disk: RocksDB
// heals from a full disk, but knows none but ENOSPC.
//
// Thread-safety: a guard is about the thread it was made on, and no other.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <memory>

namespace pinhole::kv {

class disk_guard {
public:
    disk_guard() noexcept;
    ~disk_guard();
    disk_guard(const disk_guard&) = delete;
    disk_guard& operator=(const disk_guard&) = delete;

private:
    bool before_;
};

/// RocksDB's default environment on this file system, heeding the guards. Must outlive the
/// databases opened with it.
std::unique_ptr<rocksdb::Env> make_guarded_environment(
    std::shared_ptr<rocksdb::FileSystem> files = rocksdb::FileSystem::Default());

}  // namespace pinhole::kv
