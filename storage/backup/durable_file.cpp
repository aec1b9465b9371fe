#include "storage/backup/durable_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "storage/dump/pending_target.hpp"
#include "storage/restore/data_directory.hpp"

namespace pinhole::storage::backup {

namespace {

constexpr mode_t owner_only = 0600;

[[noreturn]] void throw_errno(const std::string& what) {
    throw std::system_error{errno, std::generic_category(), what};
}

std::string aside_of(const std::filesystem::path& path) {
    return path.string() + std::string{aside_extension};
}

}  // namespace

unique_fd create_aside(const std::filesystem::path& path) {
    const std::string aside = aside_of(path);
    unique_fd file{::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, owner_only)};
    if (!file) {
        throw_errno("making " + aside);
    }
    return file;
}

void give_name(int fd, const std::filesystem::path& path) {
    const std::string aside = aside_of(path);
    if (::fsync(fd) != 0) {
        throw_errno("fsync of " + aside);
    }
    std::filesystem::rename(aside, path);
    sync_folder(path.parent_path());
}

void write_durably(const std::filesystem::path& path, std::string_view bytes) {
    const unique_fd file = create_aside(path);
    const std::string what = "writing " + path.string();
    dump::write_all(file.get(), bytes, what.c_str());
    give_name(file.get(), path);
}

std::string read_whole(const std::filesystem::path& path) {
    const unique_fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!file) {
        throw_errno("open " + path.string());
    }
    std::string bytes;
    std::array<char, 4096> piece{};
    for (;;) {
        const ssize_t got = ::read(file.get(), piece.data(), piece.size());
        if (got == 0) {
            return bytes;
        }
        if (got > 0) {
            bytes.append(piece.data(), static_cast<std::size_t>(got));
        } else if (errno != EINTR) {
            throw_errno("read of " + path.string());
        }
    }
}

}  // namespace pinhole::storage::backup
