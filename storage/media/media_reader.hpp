// Reads the finished files of a media store beside whoever owns it: for dumps, backups and checks.
//
// It makes, locks and changes nothing, so that any number of them may look at a store in use. Files
// move between the public and the hidden tree meanwhile; one that stays in the store is found.
//
// Thread-safety: any thread. Blocking: on the disk.
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include "storage/media/media_file.hpp"

namespace pinhole::media {

class media_reader {
public:
    /// `root` as the media store's; a store that was never made has no files.
    /// Errors: throws std::system_error.
    explicit media_reader(const std::filesystem::path& root);

    /// Public or hidden; nothing if it is in neither tree, no regular file, or the path is not a
    /// media path. Takes any input. Errors: throws std::system_error.
    std::optional<open_file> open_any(std::string_view media_path) const;

private:
    unique_fd public_;
    unique_fd hidden_;
};

}  // namespace pinhole::media
