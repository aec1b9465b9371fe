#include "storage/dump/pending_target.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "storage/dump/dump_sink.hpp"

namespace pinhole::storage::dump {

namespace {

[[noreturn]] void fail_system(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

std::filesystem::path parent_of(const std::filesystem::path& target) {
    return target.has_parent_path() ? target.parent_path() : std::filesystem::path{"."};
}

/// "dump/" is meant to be "dump".
std::filesystem::path without_slash(const std::filesystem::path& target) {
    return target.has_filename() ? target : target.parent_path();
}

std::unexpected<error> exists_already(const std::filesystem::path& target) {
    return fail(error_code::conflict, target.string() + " exists already");
}

/// Never in place of what is there. Where the file system cannot promise that, it is looked at
/// before.
bool rename_to_new(const std::filesystem::path& from, const std::filesystem::path& to) {
    if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
        return true;
    }
    if (errno == EEXIST) {
        return false;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        fail_system("rename to " + to.string());
    }
    if (std::filesystem::exists(std::filesystem::symlink_status(to))) {
        return false;
    }
    std::filesystem::rename(from, to);
    return true;
}

}  // namespace

pending_target::pending_target(const std::filesystem::path& target, target_kind kind)
    : target_(without_slash(target)), kind_(kind) {
    std::string name = target_.string() + ".partial-XXXXXX";
    if (kind_ == target_kind::file) {
        fd_.reset(::mkostemp(name.data(), O_CLOEXEC));
    } else if (::mkdtemp(name.data()) != nullptr) {
        fd_.reset(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    }
    if (!fd_) {
        fail_system("making " + name);
    }
    temporary_ = name;
}

pending_target::~pending_target() {
    if (!is_finished_) {
        std::error_code ignored;  // nobody could do anything about it, and its name tells
        std::filesystem::remove_all(temporary_, ignored);
    }
}

/// A directory may hold very many files, and an fsync for each would take half a millisecond each.
/// One for the whole file system reports what failed since the directory was opened.
void pending_target::sync_content() const {
    const int failed = kind_ == target_kind::file ? ::fsync(fd_.get()) : ::syncfs(fd_.get());
    if (failed != 0) {
        fail_system("fsync of " + temporary_.string());
    }
}

result<void> pending_target::finish() {
    sync_content();
    if (!rename_to_new(temporary_, target_)) {
        return exists_already(target_);
    }
    is_finished_ = true;
    const auto parent = parent_of(target_);
    const unique_fd folder{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder || ::fsync(folder.get()) != 0) {
        fail_system("fsync of " + parent.string());
    }
    return {};
}

result<void> find_conflict(const std::filesystem::path& target) {
    const auto plain = without_slash(target);
    if (plain.empty()) {
        return fail(error_code::invalid, "the target has no name");
    }
    if (std::filesystem::exists(std::filesystem::symlink_status(plain))) {
        return exists_already(plain);
    }
    if (!std::filesystem::is_directory(parent_of(plain))) {
        return fail(error_code::not_found,
                    "there is no directory " + parent_of(plain).string() + " for the target");
    }
    return {};
}

void write_all(int fd, std::string_view bytes, const char* what) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            fail_system(what);
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace pinhole::storage::dump
