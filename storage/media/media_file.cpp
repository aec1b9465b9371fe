#include "storage/media/media_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace pinhole::media {
namespace {

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

std::optional<open_file> open_regular(int tree, const std::string& media_path) {
    // O_NONBLOCK: should an operator have left a FIFO there, opening it must not hang.
    unique_fd fd(
        ::openat(tree, media_path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENXIO) {
            return std::nullopt;
        }
        throw_errno("open of a media file");
    }
    struct stat status{};
    if (::fstat(fd.get(), &status) != 0) {
        throw_errno("fstat of a media file");
    }
    if (!S_ISREG(status.st_mode)) {
        return std::nullopt;
    }
    return open_file{.fd = std::move(fd),
                     .size_bytes = static_cast<std::uint64_t>(status.st_size),
                     .modified_at = status.st_mtim};
}

}  // namespace pinhole::media
