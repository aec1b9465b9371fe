// Makes a backup of a data directory: its database, as it was at one instant, and the media that
// its rows name. Backups in one folder share what they have in common, so each costs what is new,
// and each can be restored by itself (backup_folder.hpp has the layout).
//
// A backup exists once its record does, which is written last. Cut short before, by a kill too, it
// is none; what it has left is removed by the next backup. What is dropped loses its record first.
//
// Media are not read again if an earlier backup has them: they never change. Bytes that the data
// directory has lost, but an earlier backup has, are so in the new one, too.
//
// Memory: some tens of megabytes, whatever there is to back up. For one thread. Blocks: for as long
// as it takes. Errors: kv::storage_failure, std::system_error, std::runtime_error;
// work_interrupted. What had been begun is then removed, as far as the disk lets it.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "storage/backup/backup_damage.hpp"
#include "storage/backup/backup_folder.hpp"
#include "storage/base/time.hpp"
#include "storage/base/work.hpp"
#include "storage/kv/checkpoint.hpp"
#include "storage/kv/log.hpp"

namespace pinhole::storage::backup {

struct backup_options {
    std::filesystem::path data_dir;
    timestamp at{};  ///< the instant that the rows show
    std::string server_version = {};
    std::optional<std::size_t> keep = {};  ///< so many are left; nothing: all
    kv::log_function log = [](kv::log_level, std::string_view) {};
};

struct backup_report {
    backup_record made;
    /// Media whose bytes are missing or not what their row says: the backup is without those that
    /// are missing or of a wrong size.
    fault_list bad_media;
    std::vector<kv::backup_id> dropped;
    std::size_t of_others = 0;  ///< as prune_report; known if `keep` is given
};

class backup_writer {
public:
    /// Removes what a call that was cut short has left.
    /// Requires: the folder opened to write, which outlives it, as does `watch`.
    backup_writer(const backup_folder& folder, backup_options options, const work_watch& watch);
    backup_writer(const backup_writer&) = delete;
    backup_writer& operator=(const backup_writer&) = delete;
    ~backup_writer();

    /// The first step. Whatever keeps the rows as they are may go afterwards.
    void add_rows(const kv::read_only_store& rows);

    /// Adds the media and makes it a backup; then drops old ones. Once.
    /// Requires: no media are removed for good between the instant that the rows show and its end.
    backup_report finish();

private:
    void list_media(const kv::reader& reader);
    void require_room() const;
    void add_media();
    void add_secret_key();

    const backup_folder& folder_;
    backup_options options_;
    const work_watch& watch_;
    backup_report report_;
    bool is_done_ = false;
};

/// By which the backups of a database are told: backup_record::secret_key_sha256. Empty without a
/// key.
std::string secret_key_sha256_of(const std::filesystem::path& data_dir);

}  // namespace pinhole::storage::backup
