// Makes a data directory of a backup: its database, its media, each in the tree in which it lay by
// the backup's rows, and the server's key, so that logins of the time of the backup go on. Media
// are linked where the backup lies on the same file system.
//
// Every byte is read and compared with its sum before anything shows. Then all shows at once, by
// the switch of data_directory.hpp: a kill at any instant leaves the directory as it was, or all
// new. It wants a directory without rows and without media, that nobody has open; ids that a server
// gives there afterwards are above those of the backup and of the directory.
//
// A backup of an older schema is restored as it is: the server's start brings it to the new one.
//
// For one thread. Blocks: for as long as it takes. Errors: what is wrong with the backup stands in
// the report; `conflict` if the directory cannot take it, or a newer version has made the backup.
// Thrown: kv::storage_failure, std::system_error, std::runtime_error if somebody has the directory
// open, or the disk is full or fails; work_interrupted. After any of them the directory is as it
// was; but for a switch that could not be finished, which the message says.
#pragma once

#include <cstdint>
#include <filesystem>

#include "storage/backup/backup_damage.hpp"
#include "storage/backup/backup_folder.hpp"
#include "storage/base/work.hpp"
#include "storage/kv/log.hpp"

namespace pinhole::storage::backup {

struct restore_options {
    /// Media that the backup has lost, or that are damaged in it, are left out instead of refused.
    bool missing_media = false;
    kv::log_function log = [](kv::log_level, std::string_view) {};
};

struct restore_report {
    backup_record record;
    fault_list faults;  ///< also those that were passed over
    bool is_done = false;
    std::uint64_t media_left_out = 0;
};

/// Requires: the folder opened to read.
result<restore_report> restore_backup(const backup_folder& folder, kv::backup_id id,
                                      const std::filesystem::path& data_dir,
                                      const restore_options& options = {},
                                      const work_watch& watch = {});

}  // namespace pinhole::storage::backup
