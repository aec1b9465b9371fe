// Looks whether a backup is what was written: every file of the database by its sum, every medium
// by its presence and size, and on request by its SHA-256; the record, the list of media and the
// server's key by theirs. Nothing is changed.
//
// For one thread. Blocks: for as long as reading it takes.
#pragma once

#include "storage/backup/backup_damage.hpp"
#include "storage/backup/backup_folder.hpp"
#include "storage/base/work.hpp"

namespace pinhole::storage::backup {

/// Adds what is wrong to `faults`. With `hash`, reads all media.
/// Requires: the folder opened to read. Errors: what is wrong with the disk or the folder as such
/// is thrown: kv::storage_failure, std::system_error; work_interrupted.
void verify_backup(const backup_folder& folder, kv::backup_id id, bool hash, fault_list& faults,
                   const work_watch& watch);

}  // namespace pinhole::storage::backup
