// Backups of databases in a folder of their own, in which they share the tables that they have in
// common: tables are never changed, only replaced, so a backup costs what is new since those before
// it, and each can be restored and removed by itself.
//
// A folder belongs to the backups of one database, and only one call at a time may change it: the
// caller sees to that. A call that is cut short, by a kill too, leaves the backups that were there
// whole, and what `remove_backups` removes.
//
// It names no backend. Thread-safety: any thread. Blocking: on the disk, for as long as it takes.
// Errors: throws storage_failure; and what `read_watch` throws, which ends the call that it is made
// from. It may be called on another thread than the caller's, never on two at once.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "storage/kv/checkpoint.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

using backup_id = std::uint32_t;  ///< from 1; a newer backup has a larger one than those there

/// What a backup consists of is not there, or not what was written.
struct damaged_backup : storage_failure {
    using storage_failure::storage_failure;
};

/// Told of bytes as they are read.
using read_watch = std::function<void(std::uint64_t bytes)>;

struct backup_facts {
    backup_id id = 0;
    std::uint64_t bytes = 0;      ///< of all its files
    std::uint64_t new_bytes = 0;  ///< of those that no other backup has
};

/// Adds what the store holds: a checkpoint, or a database that no process has open. It is durable
/// when the call returns. Requires: the folder's parent is there.
backup_facts add_backup(const std::filesystem::path& folder, const read_only_store& frozen,
                        const read_watch& watch);

/// Those there are, damaged ones as well.
std::vector<backup_id> list_backups(const std::filesystem::path& folder);

/// Removes these, and what a call that was cut short has left.
void remove_backups(const std::filesystem::path& folder, std::span<const backup_id> ids);

/// Reads all of a backup. Errors: throws damaged_backup.
void verify_backup(const std::filesystem::path& folder, backup_id id, const read_watch& watch);

/// Makes `directory` the database that was backed up, durable but for the directory's own name.
/// Errors: throws damaged_backup: the directory is then of no use.
/// Requires: nothing in its place, or an empty directory.
void restore_backup(const std::filesystem::path& folder, backup_id id,
                    const std::filesystem::path& directory, const read_watch& watch);

}  // namespace pinhole::kv
