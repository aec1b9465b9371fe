// Drops backups that are not wanted any more, with what only they needed. What is dropped loses its
// record first, so a call that is cut short, by a kill too, leaves the others whole, and the next
// backup or the next call removes the rest.
//
// For one thread. Blocks: on the disk. Errors: std::system_error, kv::storage_failure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "storage/backup/backup_folder.hpp"
#include "storage/kv/log.hpp"

namespace pinhole::storage::backup {

struct prune_report {
    std::vector<kv::backup_id> dropped;
    /// In the folder, with another secret key or a damaged record: they count for nothing and stay.
    std::size_t of_others = 0;
};

/// Drops all but the newest `keep` backups of one database, which is told by its secret key
/// (backup_record::secret_key_sha256). What another database has left in the folder is not this
/// one's to drop: perhaps it is the one that should have been backed up.
/// Requires: the folder opened to write.
prune_report prune_backups(const backup_folder& folder, std::size_t keep,
                           std::string_view secret_key_sha256, const kv::log_function& log);

/// Drops these, whosever they are.
/// Requires: the folder opened to write.
void drop_backups(const backup_folder& folder, const std::vector<kv::backup_id>& ids,
                  const kv::log_function& log);

/// Removes whatever no record stands for. Says in `log` what it has to leave.
/// Requires: the folder opened to write.
void remove_leftovers(const backup_folder& folder, const kv::log_function& log);

}  // namespace pinhole::storage::backup
