#include "storage/media/media_trees.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "storage/media/media_path.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::media {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool is_gone(int error) {
    return error == ENOENT || error == ENOTDIR;
}

void sync_path(const fs::path& path, int flags) {
    const unique_fd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
    if (!opened || ::fsync(opened.get()) != 0) {
        throw_errno("fsync " + path.string());
    }
}

/// With its parents, each durable in its own; only the owner may look into what it makes.
void make_durable_folder(const fs::path& folder) {
    if (fs::is_directory(folder)) {
        return;
    }
    make_durable_folder(folder.parent_path());
    fs::create_directory(folder);
    fs::permissions(folder, fs::perms::owner_all);
    sync_path(folder.parent_path(), O_DIRECTORY);
}

/// To another file system. The copy is whole and durable before it has its name.
void copy_aside(const fs::path& from, const fs::path& to) {
    const fs::path unfinished = to.string() + ".unfinished";
    fs::remove(unfinished);  // of an attempt that was cut short
    struct stat found{};
    if (::lstat(from.c_str(), &found) != 0) {
        throw_errno("stat " + from.string());
    }
    if (S_ISREG(found.st_mode)) {
        fs::copy_file(from, unfinished);
        sync_path(unfinished, 0);
    } else if (S_ISLNK(found.st_mode)) {
        fs::copy_symlink(from, unfinished);  // what it leads to is none of ours
    } else if (::mknod(unfinished.c_str(), found.st_mode, found.st_rdev) != 0) {
        throw_errno("mknod " + unfinished.string());  // a pipe or a socket, which holds no bytes
    }
    fs::rename(unfinished, to);
    sync_path(to.parent_path(), O_DIRECTORY);
    fs::remove(from);
}

}  // namespace

std::string_view folder_name(tree_kind tree) {
    return tree == tree_kind::visible ? "public" : "hidden";
}

std::string to_path(tree_kind tree, std::string_view media_path) {
    return std::string(folder_name(tree)).append("/").append(media_path);
}

media_trees::media_trees(const fs::path& root) : root_(fs::absolute(root)) {}

std::optional<tree_file> media_trees::find(tree_kind tree, std::string_view media_path) const {
    struct stat status{};
    const fs::path path = root_ / to_path(tree, media_path);
    if (::lstat(path.c_str(), &status) != 0) {
        if (is_gone(errno)) {
            return std::nullopt;
        }
        throw_errno("stat " + path.string());
    }
    return tree_file{.size_bytes = static_cast<std::uint64_t>(status.st_size),
                     .is_regular = S_ISREG(status.st_mode)};
}

std::optional<std::string> media_trees::hash(tree_kind tree, std::string_view media_path) const {
    const fs::path path = root_ / to_path(tree, media_path);
    const unique_fd opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!opened) {
        if (is_gone(errno) || errno == ELOOP || errno == ENXIO) {
            return std::nullopt;
        }
        throw_errno("open " + path.string());
    }
    return to_text(hash_file(opened.get()).hash.digest());
}

void media_trees::for_each(tree_kind tree, const std::function<void(std::string)>& function) const {
    const fs::path top = root_ / folder_name(tree);
    fs::recursive_directory_iterator at{top};
    for (; at != fs::recursive_directory_iterator{}; ++at) {
        std::error_code gone;
        const bool is_folder = at->symlink_status(gone).type() == fs::file_type::directory;
        if (!is_folder && !gone) {
            function(at->path().lexically_relative(top).string());
        }
    }
}

std::vector<std::string> media_trees::incoming() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{root_ / "incoming"}) {
        names.push_back(entry.path().filename().string());
    }
    return names;
}

bool media_trees::has_marker(std::string_view media_path) const {
    const std::string_view name = name_of(media_path);
    return is_marker(name) && to_media_path(name) == media_path &&
           is_there(std::string("incoming/").append(name));
}

bool media_trees::is_there(std::string_view path) const {
    return fs::symlink_status(root_ / path).type() != fs::file_type::not_found;
}

bool media_trees::put_aside(std::string_view path, const fs::path& folder) const {
    const fs::path from = root_ / path;
    const fs::path to = fs::absolute(folder) / path;
    if (!is_there(path)) {
        return false;
    }
    make_durable_folder(to.parent_path());
    if (fs::symlink_status(to).type() != fs::file_type::not_found) {
        throw std::system_error(EEXIST, std::generic_category(), to.string());
    }
    if (::rename(from.c_str(), to.c_str()) == 0) {
        sync_path(to.parent_path(), O_DIRECTORY);
        sync_path(from.parent_path(), O_DIRECTORY);
        return true;
    }
    if (is_gone(errno)) {
        return false;
    }
    if (errno != EXDEV) {
        throw_errno("rename " + from.string() + " to " + to.string());
    }
    copy_aside(from, to);
    sync_path(from.parent_path(), O_DIRECTORY);
    return true;
}

}  // namespace pinhole::media
