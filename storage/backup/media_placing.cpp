#include "storage/backup/media_placing.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "storage/backup/backup_damage.hpp"
#include "storage/dump/pending_target.hpp"
#include "storage/media/media_disk.hpp"
#include "storage/media/media_path.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::storage::backup {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10U;
constexpr mode_t readable_for_nginx = 0644;
/// No media path begins with a dot.
constexpr const char* unfinished = ".unfinished";

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

/// Where links are not to be had, the bytes can still be copied: on another file system, beyond
/// what the system lets link, with too many links, on a file system without them.
bool is_for_copying(int error) {
    constexpr std::array errors{EXDEV, EPERM, EACCES, EMLINK, EOPNOTSUPP, ENOSYS, ENOENT, EINVAL};
    return std::ranges::find(errors, error) != errors.end();
}

/// A file system, and where it is mounted.
struct place {
    std::uint32_t device_major = 0;
    std::uint32_t device_minor = 0;
    std::uint64_t mount = 0;  ///< 0 before Linux 5.8, which does not tell

    bool operator==(const place&) const = default;
};

std::optional<place> place_of(const std::filesystem::path& folder) {
    struct statx status{};
    if (::statx(AT_FDCWD, folder.c_str(), 0, STATX_MNT_ID, &status) != 0) {
        return std::nullopt;
    }
    return place{status.stx_dev_major, status.stx_dev_minor,
                 (status.stx_mask & STATX_MNT_ID) != 0 ? status.stx_mnt_id : 0};
}

}  // namespace

bool are_on_one_mount(const std::filesystem::path& one, const std::filesystem::path& other) {
    const auto here = place_of(one);
    return here && here == place_of(other);
}

media_tree::media_tree(const std::filesystem::path& root, mode_t mode) : root_(root), mode_(mode) {
    if (!media::make_folder(AT_FDCWD, root.string(), mode)) {
        throw_errno("making " + root.string());
    }
    open_root();
}

media_tree::media_tree(const std::filesystem::path& root) : root_(root) {
    if (!std::filesystem::exists(root)) {
        throw backup_damage{root.string() + " is missing"};
    }
    open_root();
}

void media_tree::open_root() {
    folder_.reset(::open(root_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder_) {
        throw_errno("open " + root_.string());
    }
}

std::optional<media::open_file> media_tree::open(const std::string& media_path) const {
    return media::open_regular(folder_.get(), media_path);
}

media::open_file media_tree::open_listed(const listed_medium& medium) const {
    auto file = open(medium.path);
    if (!file) {
        throw backup_damage{(root_ / medium.path).string() + " is missing"};
    }
    if (file->size_bytes != medium.size_bytes) {
        throw backup_damage{(root_ / medium.path).string() + " is damaged: it has " +
                            std::to_string(file->size_bytes) + " bytes, not " +
                            std::to_string(medium.size_bytes)};
    }
    return std::move(*file);
}

void media_tree::require_sum(const listed_medium& medium, const std::string& sha256) const {
    if (!medium.sha256.empty() && sha256 != medium.sha256) {
        throw backup_damage{(root_ / medium.path).string() +
                            " is damaged: its SHA-256 is not that of its row"};
    }
}

std::string media_tree::take(const media::open_file& file, const std::string& media_path,
                             const std::function<void(std::uint64_t bytes)>& read) {
    make_folders(media_path);
    return link(file, media_path) ? std::string{} : copy(file, media_path, read);
}

void media_tree::make_folders(const std::string& media_path) const {
    const std::string_view folder = media::folder_of(media_path);
    for (std::size_t end = 0; end < folder.size(); ++end) {
        end = std::min(folder.find('/', end), folder.size());
        if (!media::make_folder(folder_.get(), std::string{folder.substr(0, end)}, mode_)) {
            if (errno == ENOTDIR || errno == EEXIST) {
                throw backup_damage{media_path +
                                    " cannot stand beside another medium, whose name is its "
                                    "folder's"};
            }
            throw_errno("making a folder for " + media_path);
        }
    }
}

/// The file itself, whatever its name is by now: the server moves files between its trees.
bool media_tree::link(const media::open_file& file, const std::string& media_path) const {
    const std::string source = "/proc/self/fd/" + std::to_string(file.fd.get());
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (::linkat(AT_FDCWD, source.c_str(), folder_.get(), media_path.c_str(),
                     AT_SYMLINK_FOLLOW) == 0) {
            return true;
        }
        if (errno != EEXIST) {
            break;
        }
        remove(media_path);
    }
    if (!is_for_copying(errno)) {
        throw_errno("link of " + media_path + " to " + root_.string());
    }
    return false;
}

std::string media_tree::copy(const media::open_file& file, const std::string& media_path,
                             const std::function<void(std::uint64_t bytes)>& read) {
    buffer_.resize(buffer_bytes);
    const unique_fd made{::openat(folder_.get(), unfinished,
                                  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, readable_for_nginx)};
    if (!made || ::fchmod(made.get(), readable_for_nginx) != 0) {  // whatever the umask
        throw_errno("making " + (root_ / unfinished).string());
    }
    const std::string what = "writing " + (root_ / media_path).string();
    media::sha256_hash hash;
    for (std::uint64_t at = 0;;) {
        const ssize_t got =
            ::pread(file.fd.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno("read of " + media_path);
        }
        if (got == 0) {
            break;
        }
        const auto piece = std::span{buffer_}.first(static_cast<std::size_t>(got));
        hash.update(piece);
        dump::write_all(made.get(), {reinterpret_cast<const char*>(piece.data()), piece.size()},
                        what.c_str());
        at += piece.size();
        read(piece.size());
    }
    if (::renameat(folder_.get(), unfinished, folder_.get(), media_path.c_str()) != 0) {
        throw_errno("rename to " + (root_ / media_path).string());
    }
    return media::to_text(hash.digest());
}

bool media_tree::remove(const std::string& media_path) const {
    if (::unlinkat(folder_.get(), media_path.c_str(), 0) == 0) {
        return true;
    }
    if (errno != ENOENT && errno != ENOTDIR) {
        throw_errno("removing " + (root_ / media_path).string());
    }
    return false;
}

void media_tree::remove_unfinished() const {
    remove(unfinished);
}

/// One call for all of them, as where a restore brings media.
void media_tree::sync() const {
    if (::syncfs(folder_.get()) != 0) {
        throw_errno("syncing " + root_.string());
    }
}

}  // namespace pinhole::storage::backup
