#include "storage/restore/media_stage.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "storage/dump/dump_fault.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/media/media_path.hpp"

namespace pinhole::storage {

namespace {

constexpr mode_t readable_for_nginx = 0644;

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error{errno, std::system_category(), what};
}

/// Keeps errno.
bool is_file(int folder, const std::string& path) {
    struct stat status{};
    const int before = errno;
    const bool found = ::fstatat(folder, path.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
    errno = before;
    return found && S_ISREG(status.st_mode);
}

[[noreturn]] void refuse(const std::string& media_path) {
    throw dump::unreadable_dump{std::string{dump::media_folder} + media_path,
                                "cannot stand beside another medium, whose name is its folder's"};
}

}  // namespace

media_stage::media_stage(const std::filesystem::path& root)
    : errors_([](std::string_view) {}), root_(root) {
    if (!media::make_folder(AT_FDCWD, root.string(), 0700)) {
        throw_errno("making " + root.string());
    }
    const unique_fd folder = media::open_folder(errors_, AT_FDCWD, root.string());
    if (!media::make_folder(folder.get(), "hidden", 0700) ||
        !media::make_folder(folder.get(), "public", 0755)) {
        throw_errno("making folders in " + root.string());
    }
    hidden_ = media::open_folder(errors_, folder.get(), "hidden");
    public_ = media::open_folder(errors_, folder.get(), "public");
}

void media_stage::make_folders(const tree& in, std::string_view media_path) {
    const std::string_view folder = media::folder_of(media_path);
    for (std::size_t end = 0; end < folder.size(); ++end) {
        end = std::min(folder.find('/', end), folder.size());
        if (!media::make_folder(in.folder, std::string{folder.substr(0, end)}, in.mode)) {
            if (errno == ENOTDIR || errno == EEXIST) {
                refuse(std::string{media_path});
            }
            throw_errno("making a media folder");
        }
    }
}

void media_stage::begin(const std::string& media_path) {
    path_ = media_path;
    const auto open = [&] {
        file_.reset(::openat(hidden_.get(), media_path.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, readable_for_nginx));
        return static_cast<bool>(file_);
    };
    if (open()) {
        return;
    }
    if (errno == ENOENT) {
        make_folders(hidden_tree(), media_path);
        if (open()) {
            return;
        }
    }
    if (errno == EEXIST && is_file(hidden_.get(), media_path)) {
        return;
    }
    if (errno == ENOTDIR || errno == EEXIST) {
        refuse(media_path);
    }
    throw_errno("making a media file");
}

void media_stage::append(std::span<const char> bytes) {
    if (!file_) {
        return;
    }
    while (!bytes.empty()) {
        const ssize_t done = ::write(file_.get(), bytes.data(), bytes.size());
        if (done < 0 && errno != EINTR) {
            throw_errno("writing a media file");
        }
        bytes = bytes.subspan(done > 0 ? static_cast<std::size_t>(done) : 0);
    }
}

void media_stage::end() {
    if (file_ && ::fchmod(file_.get(), readable_for_nginx) != 0) {  // whatever the umask
        throw_errno("chmod of a media file");
    }
    file_.reset();
}

void media_stage::show(const std::string& media_path) {
    const auto move = [&] {
        return ::renameat(hidden_.get(), media_path.c_str(), public_.get(), media_path.c_str()) ==
               0;
    };
    if (move()) {
        return;
    }
    if (errno == ENOENT) {
        make_folders(public_tree(), media_path);
        if (move()) {
            return;
        }
    }
    throw_errno("moving a media file");
}

void media_stage::move_to(const std::filesystem::path& media_root, const std::string& media_path,
                          bool is_visible) {
    const tree from = is_visible ? public_tree() : hidden_tree();
    const unique_fd to = media::open_folder(errors_, AT_FDCWD, (media_root / from.name).string());
    make_folders({to.get(), from.name, from.mode}, media_path);
    if (::renameat(from.folder, media_path.c_str(), to.get(), media_path.c_str()) != 0) {
        throw_errno("moving a media file");
    }
}

/// One call for all of them: an fsync for each of a hundred thousand files would take minutes. It
/// reports what could not be written, as an fsync does.
void media_stage::sync() const {
    if (::syncfs(hidden_.get()) != 0) {
        throw_errno("syncing media");
    }
}

bool has_media_files(const std::filesystem::path& media_root) {
    for (const char* tree : {"public", "hidden"}) {
        if (!std::filesystem::exists(media_root / tree)) {
            continue;
        }
        for (const auto& entry : std::filesystem::recursive_directory_iterator{media_root / tree}) {
            if (!entry.is_directory()) {
                return true;
            }
        }
    }
    return false;
}

}  // namespace pinhole::storage
