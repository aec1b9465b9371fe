// The folder in which the backups of one data directory lie. ON DISK:
//
//   DEST/pinhole-backups        "pinhole-backups 1\n": this is such a folder, in this layout
//   DEST/lock                   held while somebody works with it
//   DEST/db/                    databases, with tables shared between backups (kv/backup.hpp)
//   DEST/media/ab/….jpg         media, each once however many backups have it
//   DEST/media/.unfinished      a medium that is being copied
//   DEST/backups/N.json         the record of backup N (backup_record.hpp): what has none is no
//                               backup, and the next backup removes what is left of it
//   DEST/backups/N.media        its list of media (media_list.hpp)
//   DEST/backups/N.key          the server's key (secret.key), if the data directory had it
//   DEST/backups/*.new          being written
//   DEST/backups/pool.list      all media, while those are looked for that no backup needs
//
// Only its owner may look into it: password hashes lie there, and what was deleted.
//
// Thread-safety: one thread at a time; processes are kept apart by the lock. Blocks: on the disk.
// Errors: std::system_error; std::runtime_error if the folder is in use; values say what is not
// fit.
#pragma once

#include <sys/types.h>

#include <expected>
#include <filesystem>
#include <string>
#include <vector>

#include "storage/backup/backup_record.hpp"
#include "storage/base/error.hpp"
#include "storage/base/unique_fd.hpp"

namespace pinhole::storage::backup {

class backup_folder {
public:
    /// Of all folders in it.
    static constexpr mode_t folder_mode = 0700;

    /// To add backups and remove some; nobody else may work with it meanwhile. Made where absent;
    /// its parent has to be there.
    /// Errors: conflict: it lies in the data directory, or has something else in it.
    static result<backup_folder> open_to_write(const std::filesystem::path& path,
                                               const std::filesystem::path& data_dir);
    /// Others may read meanwhile, nobody may write.
    /// Errors: not_found, conflict.
    static result<backup_folder> open_to_read(const std::filesystem::path& path);
    /// Others may write meanwhile: for what only reads records.
    static result<backup_folder> open_to_list(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path database() const { return path_ / "db"; }
    std::filesystem::path media() const { return path_ / "media"; }
    std::filesystem::path records() const { return path_ / "backups"; }
    std::filesystem::path record(kv::backup_id id) const { return file_of(id, ".json"); }
    std::filesystem::path media_list(kv::backup_id id) const { return file_of(id, ".media"); }
    std::filesystem::path secret_key(kv::backup_id id) const { return file_of(id, ".key"); }

    /// Those that have a record, damaged or not, the oldest first.
    std::vector<kv::backup_id> ids() const { return ids_of(".json"); }
    /// Those of which there is a file with this extension, in ascending order.
    std::vector<kv::backup_id> ids_of(std::string_view extension) const;

    /// Errors: throws backup_damage.
    backup_record read(kv::backup_id id) const;

private:
    explicit backup_folder(std::filesystem::path path) : path_(std::move(path)) {}
    static result<backup_folder> open_existing(const std::filesystem::path& path);
    std::filesystem::path file_of(kv::backup_id id, std::string_view extension) const;
    void lock(int operation, int open_flags);

    std::filesystem::path path_;
    unique_fd lock_;
};

}  // namespace pinhole::storage::backup
