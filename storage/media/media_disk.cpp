#include "storage/media/media_disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "storage/base/shortage.hpp"

namespace pinhole::media {
namespace {

bool is_full(int error) {
    return error == ENOSPC || error == EDQUOT;
}

}  // namespace

void disk_errors::fail(int error, const char* what) const {
    const std::system_error failure(error, std::generic_category(), what);
    if (!is_full(error) && !is_shortage(failure.code())) {
        on_failure_(failure.what());
    }
    throw failure;
}

void disk_errors::fail(const char* what) const {
    fail(errno, what);
}

std::unexpected<store_failure> disk_errors::full_or_fail(int error, const char* what) const {
    if (is_full(error)) {
        return std::unexpected(store_failure::storage_full);
    }
    fail(error, what);
}

std::unexpected<store_failure> disk_errors::full_or_fail(const char* what) const {
    return full_or_fail(errno, what);
}

unique_fd open_folder(const disk_errors& errors, int parent, const std::string& name) {
    unique_fd folder(
        ::openat(parent, name.empty() ? "." : name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) {
        errors.fail("open of a media folder");
    }
    return folder;
}

std::expected<void, store_failure> sync_folder(const disk_errors& errors, int fd) {
    if (::fsync(fd) != 0) {
        return errors.full_or_fail("fsync of a media folder");
    }
    return {};
}

bool unlink_if_there(const disk_errors& errors, int folder, const std::string& name) {
    if (::unlinkat(folder, name.c_str(), 0) == 0) {
        return true;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        errors.fail("unlink of a media file");
    }
    return false;
}

bool is_there(const disk_errors& errors, int folder, const std::string& name) {
    struct stat status{};
    if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) {
        return true;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        errors.fail("stat of a media file");
    }
    return false;
}

bool make_folder(int parent, const std::string& name, mode_t mode) {
    if (::mkdirat(parent, name.c_str(), mode) != 0 && errno != EEXIST) {
        return false;
    }
    struct stat status{};
    if (::fstatat(parent, name.c_str(), &status, 0) != 0) {
        return false;
    }
    constexpr mode_t permissions = 0777;
    if ((status.st_mode & permissions) == mode) {
        return true;
    }
    // The set-group-id bit, which a folder may have from its parent, is the operator's.
    return ::fchmodat(parent, name.c_str(), (status.st_mode & 07000) | mode, 0) == 0;
}

}  // namespace pinhole::media
