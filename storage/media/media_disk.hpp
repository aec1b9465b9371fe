// The media store's own calls of the file system, and the one place where an errno of theirs
// becomes what the store's callers see.
//
// Thread-safety: any thread. Blocking: all but `disk_errors`.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"

namespace pinhole::media {

enum class store_failure : std::uint8_t {
    storage_full,  ///< no space, or the user's quota is used up
};

class disk_errors {
public:
    using callback = std::function<void(std::string_view what)>;

    explicit disk_errors(callback on_failure) : on_failure_(std::move(on_failure)) {}

    /// Throws `error` as a std::system_error. Calls `on_failure` before, unless the disk is merely
    /// full or the process short of descriptors or memory.
    [[noreturn]] void fail(int error, const char* what) const;
    /// With errno.
    [[noreturn]] void fail(const char* what) const;

    /// For what takes space: a full disk is a value, anything else fails as above.
    std::unexpected<store_failure> full_or_fail(int error, const char* what) const;
    std::unexpected<store_failure> full_or_fail(const char* what) const;

private:
    callback on_failure_;
};

/// Opens a folder to fsync it; an empty name is the parent itself.
unique_fd open_folder(const disk_errors& errors, int parent, const std::string& name);

std::expected<void, store_failure> sync_folder(const disk_errors& errors, int fd);

/// True if there was such a name.
bool unlink_if_there(const disk_errors& errors, int folder, const std::string& name);

bool is_there(const disk_errors& errors, int folder, const std::string& name);

/// Makes one folder, and gives it exactly these permissions, whatever the umask: an existing one,
/// too, since a crash may have come between its making and its mode. False with errno.
bool make_folder(int parent, const std::string& name, mode_t mode);

}  // namespace pinhole::media
