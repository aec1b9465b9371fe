// Which media belong to a backup, and in which tree of the media store each of them lay by the rows
// of the backup. ON DISK as `backups/N.media`, a line for each, ordered by path (bytes):
//
//   public 48213 9f86d081…(64 digits) ab/abcdef0123456789abcdef0123456789.jpg
//   hidden 1200 - imported/old.png            (no digest in the row)
//
// Lists are read and written from their start to their end, so memory does not grow with them.
// For one thread. Blocks: on the disk. Errors: std::system_error; backup_damage for what cannot be
// in a list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::storage::backup {

struct listed_medium {
    std::string path;  ///< is_media_path
    bool is_public = false;
    std::uint64_t size_bytes = 0;
    std::string sha256 = {};  ///< empty: not known
};

/// Writes a list aside; it has its name, durably, once it is finished.
class media_list_writer {
public:
    explicit media_list_writer(std::filesystem::path path);

    /// Requires: in the order of paths, none twice.
    void append(const listed_medium& medium);
    /// The SHA-256 of all of it.
    std::string finish();

private:
    void flush();

    std::filesystem::path path_;
    unique_fd file_;
    std::string buffer_;
    media::sha256_hash hash_;
};

class media_list_reader {
public:
    explicit media_list_reader(const std::filesystem::path& path);

    /// Nothing at the end.
    std::optional<listed_medium> next();
    /// Of what was read so far.
    std::string sha256() const { return media::to_text(hash_.digest()); }

private:
    std::string name_;
    std::ifstream in_;
    std::string line_;
    std::string last_path_;
    media::sha256_hash hash_;
};

/// Reads all of a list. Errors: backup_damage, also if its sum is another.
void require_whole_list(const std::filesystem::path& path, std::string_view sha256);

/// Calls `function` with each path that is in one of the lists `of` and in none of `without`.
void for_each_difference(std::span<const std::filesystem::path> of,
                         std::span<const std::filesystem::path> without,
                         const std::function<void(const std::string& path)>& function);

}  // namespace pinhole::storage::backup
