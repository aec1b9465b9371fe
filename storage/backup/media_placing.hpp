// Brings the bytes of a media file from one tree to another, of a backup or of a data directory: by
// a hard link where both lie on one mount, since media files are never changed, and else by
// copying. It shows under its name only when it is whole.
//
// For one thread. Blocks: on the disk. Errors: std::system_error; backup_damage.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "storage/backup/media_list.hpp"
#include "storage/base/unique_fd.hpp"
#include "storage/media/media_file.hpp"

namespace pinhole::storage::backup {

/// Whether links from one folder to the other are possible. Two volumes of a container engine may
/// be one file system, and yet two mounts, between which there are none. False if either is
/// missing.
bool are_on_one_mount(const std::filesystem::path& one, const std::filesystem::path& other);

/// A folder of media paths.
class media_tree {
public:
    /// To be read. Errors: throws backup_damage if it is missing.
    explicit media_tree(const std::filesystem::path& root);
    /// Made where absent, in a folder that is there. `mode`: of the folders it makes.
    media_tree(const std::filesystem::path& root, mode_t mode);

    std::optional<media::open_file> open(const std::string& media_path) const;

    /// Errors: throws backup_damage if it is missing, or of another size.
    media::open_file open_listed(const listed_medium& medium) const;
    /// Errors: throws backup_damage if the list has another sum than what was read.
    void require_sum(const listed_medium& medium, const std::string& sha256) const;

    /// Takes a file in, in place of one that is there. `read` is told of bytes as they are copied.
    /// Its SHA-256 if it was copied, in hexadecimal; empty: it was linked, and nothing was read.
    /// Durable after `sync`.
    std::string take(const media::open_file& file, const std::string& media_path,
                     const std::function<void(std::uint64_t bytes)>& read);

    /// False if there was none. Durable after `sync`.
    bool remove(const std::string& media_path) const;

    /// What a call that was cut short has left.
    void remove_unfinished() const;

    /// All that was taken in and removed is on the disk.
    void sync() const;

private:
    void open_root();
    void make_folders(const std::string& media_path) const;
    bool link(const media::open_file& file, const std::string& media_path) const;
    std::string copy(const media::open_file& file, const std::string& media_path,
                     const std::function<void(std::uint64_t bytes)>& read);

    std::filesystem::path root_;
    mode_t mode_ = 0;
    unique_fd folder_;
    std::vector<std::byte> buffer_;
};

}  // namespace pinhole::storage::backup
