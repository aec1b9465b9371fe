// A finished file, opened for reading: what the media store, and whoever reads beside it, share.
//
// Thread-safety: any thread. Blocking: on the disk.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>

#include "storage/base/unique_fd.hpp"

namespace pinhole::media {

/// Stays readable through its descriptor after it is hidden or removed.
struct open_file {
    unique_fd fd;
    std::uint64_t size_bytes = 0;
    std::timespec modified_at{};
};

/// Opens a regular file of the tree whose folder this is; nothing if there is none, or something
/// else in its place. Requires: is_media_path.
/// Errors: throws std::system_error; says nothing about what may still be written.
std::optional<open_file> open_regular(int tree, const std::string& media_path);

}  // namespace pinhole::media
