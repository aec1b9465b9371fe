// The store on RocksDB: one process, one directory, one commit thread.
//
// How commits work. Whoever submits only queues. One thread takes all waiting commits as a group,
// decides them one after another (checks and inserts see the database as the commits before them in
// the group leave it), writes the survivors as one batch with one synced WAL write, and then
// completes them all. Decisions are serial, so commits are serialisable without a lock, and the
// fsync is shared. Readers work on RocksDB snapshots and never wait for writes.
//
// Stamps. A commit's stamp is the RocksDB sequence number of its first write: the database's latest
// sequence before the group, plus one, plus the number of writes of the group before it. RocksDB
// gives each write of a batch the next number, and only the commit thread writes, so the number is
// known before the batch is written (asserted after it). Every commit that writes uses up at least
// one, so no two share a stamp. Across a restart the sequence continues above the last write that
// recovery found; everything acknowledged was synced, so it is found. A number can be given out
// again only if its write is absent after recovery, and then no reader ever saw it: RocksDB
// publishes a batch only after its WAL write has succeeded. (With `sync = false` that holds for a
// crash of the process, but not of the machine: a bulk load is started over after one.)
//
// Errors. A full disk refuses commits with `unavailable` while reads go on, and heals. Any other
// error of the disk is final, met by a write or by a read, on whatever thread: after a failed fsync
// nothing about the file can be trusted, and a disk that refuses reads serves nobody. So nothing is
// acknowledged any more, `on_failure` is called, and the process should exit; the WAL settles at
// the next start which of the last writes are there. A damaged block (a wrong checksum) is logged
// and fails the reads that need it, or the commit that checks a row in it, and nothing else; until
// a compaction meets it, after which RocksDB itself takes no more writes: final, as above.
//
// Counters. `scan` over a family of kind `counters` answers rows whose value is the sum in decimal
// and whose stamp is 0; `counter` is the way to read one. They can be erased, but neither put,
// inserted, nor checked (asserted).
//
// It knows no entity and no key shape. RocksDB's types stay in the files named rocksdb_*.cpp and
// their private headers; this header is all that the program includes, in storage/database.cpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

/// What to do when the log of the last writes is damaged in its middle, which a crash cannot cause
/// (a torn tail, which it can, is always accepted: nothing there was acknowledged).
enum class damaged_log : std::uint8_t {
    refuse,    ///< do not open
    truncate,  ///< open with what precedes the damage; ACKNOWLEDGED WRITES BEHIND IT ARE LOST
};

/// Two write buffers: RocksDB recovers from a full disk only once there is room for one, and
/// filling the next one meanwhile must not take that room.
inline constexpr std::uint64_t reserve_bytes_min = std::uint64_t{32} << 20U;

struct rocksdb_options {
    std::filesystem::path directory;  ///< made where absent
    std::vector<family_spec> families;

    /// Shared by all families: data, indexes, filters and memtables all count against it.
    std::size_t block_cache_bytes = std::size_t{256} << 20U;

    /// False: a commit is acknowledged before it is on disk. For bulk loading only.
    bool sync = true;

    /// Commits waiting beyond these are refused with `unavailable`.
    std::size_t queue_commits_max = 8192;
    std::size_t queue_bytes_max = std::size_t{64} << 20U;

    /// Commits are refused while the disk has less room than this, since RocksDB needs room to
    /// flush and compact what it has taken. It can meet the end of the disk all the same, in a
    /// compaction larger than the reserve or because others fill the disk between two looks; health
    /// is then `full` until there is room. A commit that frees room is refused below
    /// `reserve_bytes_min` alone. Anything but 0 is raised to `reserve_bytes_min`; 0: no
    /// reserve.
    std::uint64_t reserve_bytes = std::uint64_t{64} << 20U;

    /// How much room there is; by default what statvfs says about `directory`. Called on the commit
    /// thread only, at most every `room_interval`.
    std::function<std::uint64_t()> free_bytes;
    std::chrono::milliseconds room_interval{200};

    damaged_log on_damaged_log = damaged_log::refuse;

    /// Tables made elsewhere will be taken in. The manifest does not know their ids before, and
    /// RocksDB would warn that it has nothing to compare them with.
    bool ingests_tables = false;

    log_function log;

    /// Called once, from whatever thread met the error, when health becomes `failed`. Must neither
    /// block nor destroy the store.
    std::function<void()> on_failure;
};

/// Opens the store, making it where there is none.
/// Blocks: on the disk, for as long as replaying the last writes takes.
/// Errors: throws storage_failure when another process has it open, it holds families that the
/// options do not name (it was written by a newer version), or it is damaged.
/// Requires: family ids and names are unique. Every reader is gone before the store is destroyed.
std::unique_ptr<store> open_rocksdb(const rocksdb_options& options);

}  // namespace pinhole::kv
