// Which media files have been found to hold the bytes that their rows say: a disk that changes a
// byte does not tell, so a file is compared with its digest before this process serves it for the
// first time, and again once it has been written to or replaced.
//
// What the disk does to a file after that is not seen: its bytes are in the page cache by then, and
// what is read anew later is served as it is.
//
// Memory is bounded; what is forgotten is verified again. Thread-safe. Blocking: `verify`, while it
// reads the whole file.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string_view>

namespace pinhole::media {

/// A file as it is now: changes with every write to it, and when another takes its place.
struct file_identity {
    dev_t device = 0;
    ino_t inode = 0;
    std::int64_t size_bytes = 0;
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;

    auto operator<=>(const file_identity&) const = default;
};

/// Errors: throws std::system_error.
file_identity identify(int fd);

/// Whether a file is what its row says.
enum class verdict : std::uint8_t {
    intact,
    damaged,        ///< as it was found to be before
    found_damaged,  ///< and nobody has been told yet
};

class verified_files {
public:
    static constexpr std::size_t files_max_default = 100'000;  ///< some 15 MB

    explicit verified_files(std::size_t files_max = files_max_default) : files_max_(files_max) {}

    /// What is known of the file already. Never blocks.
    std::optional<verdict> find(const file_identity& file) const;

    /// Reads the file unless it is known. `sha256` is in hexadecimal.
    /// Errors: throws std::system_error if it cannot be read.
    verdict verify(int fd, std::uint64_t size_bytes, std::string_view sha256);

private:
    bool remember(const file_identity& file, bool is_intact);

    const std::size_t files_max_;
    mutable std::mutex mutex_;
    std::map<file_identity, bool> known_;
    std::deque<file_identity> in_order_;  ///< the oldest first; each is in `known_`
};

}  // namespace pinhole::media
