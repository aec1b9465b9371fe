#include "storage/dump/folder_archive.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/dump/dump_format.hpp"

namespace pinhole::storage::dump {

namespace {

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error{errno, std::system_category(), what};
}

struct directory_close {
    void operator()(DIR* directory) const { ::closedir(directory); }
};

/// A folder that is being walked, and where it lies in the dump: empty, or with a '/' at its end.
struct open_directory {
    std::unique_ptr<DIR, directory_close> entries;
    std::string prefix;

    int fd() const { return ::dirfd(entries.get()); }
};

open_directory walk(unique_fd folder, std::string prefix) {
    open_directory opened{std::unique_ptr<DIR, directory_close>{::fdopendir(folder.get())},
                          std::move(prefix)};
    if (!opened.entries) {
        throw_errno("reading the dump's directory");
    }
    (void)folder.release();
    return opened;
}

/// The next name but "." and "..", or nothing.
std::optional<std::string> next_name(const open_directory& directory) {
    for (;;) {
        errno = 0;
        const dirent* entry = ::readdir(directory.entries.get());
        if (entry == nullptr) {
            if (errno != 0) {
                throw_errno("reading the dump's directory");
            }
            return std::nullopt;
        }
        const std::string_view name{entry->d_name};
        if (name != "." && name != "..") {
            return std::string{name};
        }
    }
}

class folder_archive final : public archive_reader {
public:
    explicit folder_archive(unique_fd folder) : folder_(std::move(folder)) {
        names_.emplace_back(manifest_name);
        for_each_dumped([this]<class Row>() { names_.push_back(file_name_of(schema<Row>::name)); });
    }

    std::optional<archive_member> next() override {
        if (next_name_at_ == 0) {
            refuse_strangers();
        }
        while (next_name_at_ < names_.size()) {
            const std::string& name = names_[next_name_at_++];
            if (auto member = open_file(folder_.get(), name, name)) {
                return member;
            }
        }
        if (!std::exchange(media_begun_, true)) {
            enter(folder_.get(), "media", std::string{media_folder}, true);
        }
        return next_medium();
    }

    std::size_t read(std::span<char> buffer) override {
        for (;;) {
            const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
            if (got >= 0) {
                return static_cast<std::size_t>(got);
            }
            if (errno != EINTR) {
                throw_errno("reading " + path_);
            }
        }
    }

private:
    /// The manifest and the rows have fixed names: whatever else lies there is no dump's.
    void refuse_strangers() const {
        unique_fd again{::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        if (!again) {
            throw_errno("opening the dump's directory");
        }
        const open_directory top = walk(std::move(again), {});
        while (const auto name = next_name(top)) {
            const auto kind = kind_of_member(*name);
            if (*name != "media" && (!kind || *kind == member_kind::media)) {
                throw unreadable_dump{*name, "is no part of a dump"};
            }
        }
    }

    /// A member with this name, or nothing if there is none.
    std::optional<archive_member> open_file(int parent, const std::string& name,
                                            const std::string& path) {
        // O_NONBLOCK: opening a FIFO that somebody has put there must not hang.
        file_.reset(::openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
        if (!file_ && errno == ENOENT) {
            return std::nullopt;
        }
        if (!file_ && (errno == ELOOP || errno == ENXIO)) {
            throw unreadable_dump{path, "is a link or a device, not a file"};
        }
        struct stat status{};
        if (!file_ || ::fstat(file_.get(), &status) != 0) {
            throw_errno("opening " + path + " of the dump");
        }
        if (!S_ISREG(status.st_mode)) {
            throw unreadable_dump{path, "is not a file"};
        }
        path_ = path;
        const auto kind = kind_of_member(path);
        const auto size = static_cast<std::uint64_t>(status.st_size);
        if (!kind) {
            throw unreadable_dump{path, "is no part of a dump"};
        }
        if ((*kind == member_kind::media && size > medium_bytes_max) ||
            (*kind == member_kind::manifest && size > manifest_bytes_max)) {
            throw unreadable_dump{path, "is longer than it may be"};
        }
        return archive_member{.kind = *kind, .path = path, .size_bytes = size};
    }

    void enter(int parent, const std::string& name, std::string prefix, bool may_be_absent) {
        unique_fd folder{
            ::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
        if (!folder) {
            if (may_be_absent && errno == ENOENT) {
                return;
            }
            if (errno == ELOOP || errno == ENOTDIR) {
                throw unreadable_dump{prefix, "is a link or no folder"};
            }
            throw_errno("opening " + prefix + " of the dump");
        }
        media_.push_back(walk(std::move(folder), std::move(prefix)));
    }

    std::optional<archive_member> next_medium() {
        while (!media_.empty()) {
            const open_directory& here = media_.back();
            const auto name = next_name(here);
            if (!name) {
                media_.pop_back();
                continue;
            }
            const std::string path = here.prefix + *name;
            // Bounds the depth, too: a media path has few components.
            if (!kind_of_member(path)) {
                throw unreadable_dump{path, "is no part of a dump"};
            }
            struct stat status{};
            if (::fstatat(here.fd(), name->c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
                throw_errno("looking at " + path + " of the dump");
            }
            if (S_ISDIR(status.st_mode)) {
                enter(here.fd(), *name, path + '/', false);
                continue;
            }
            auto member = open_file(here.fd(), *name, path);
            if (!member) {
                throw unreadable_dump{path, "went away while the dump was read"};
            }
            return member;
        }
        return std::nullopt;
    }

    unique_fd folder_;
    std::vector<std::string> names_;
    std::size_t next_name_at_ = 0;
    bool media_begun_ = false;
    std::vector<open_directory> media_;  ///< from media/ down to where the walk is
    unique_fd file_;
    std::string path_;
};

}  // namespace

std::unique_ptr<archive_reader> open_folder_archive(unique_fd folder) {
    return std::make_unique<folder_archive>(std::move(folder));
}

}  // namespace pinhole::storage::dump
