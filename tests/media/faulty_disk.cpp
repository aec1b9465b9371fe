#include "tests/media/faulty_disk.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <utility>

namespace pinhole::test {
namespace {

struct fault {
    disk_call call;
    std::string path_part;
    int error;
};

std::mutex mutex;
bool is_watched = false;
std::optional<fault> pending;
std::vector<std::string> synced;

std::string path_of(int fd) {
    std::array<char, 4096> path;
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    const ssize_t length = ::readlink(link.c_str(), path.data(), path.size());
    return length < 0 ? std::string() : std::string(path.data(), static_cast<std::size_t>(length));
}

/// The error that this call is to fail with; zero for none.
int take_fault(disk_call call, const std::string& path) {
    const std::lock_guard lock(mutex);
    if (!is_watched) {
        return 0;
    }
    if (pending && pending->call == call && path.contains(pending->path_part)) {
        return std::exchange(pending, std::nullopt)->error;
    }
    if (call == disk_call::fsync) {
        synced.push_back(path);
    }
    return 0;
}

long fail_or(int error, auto&& call) {
    if (error != 0) {
        errno = error;
        return -1;
    }
    return call();
}

}  // namespace

faulty_disk::faulty_disk(disk_call call, std::string path_part, int error) {
    const std::lock_guard lock(mutex);
    is_watched = true;
    pending = fault{.call = call, .path_part = std::move(path_part), .error = error};
    synced.clear();
}

faulty_disk::~faulty_disk() {
    const std::lock_guard lock(mutex);
    is_watched = false;
    pending.reset();
}

bool faulty_disk::has_failed() const {
    const std::lock_guard lock(mutex);
    return !pending;
}

std::vector<std::string> faulty_disk::synced_paths() const {
    const std::lock_guard lock(mutex);
    return synced;
}

}  // namespace pinhole::test

using pinhole::test::disk_call;
using pinhole::test::fail_or;
using pinhole::test::path_of;
using pinhole::test::take_fault;

extern "C" {

int fsync(int fd) {
    return static_cast<int>(fail_or(take_fault(disk_call::fsync, path_of(fd)),
                                    [&] { return ::syscall(SYS_fsync, fd); }));
}

ssize_t write(int fd, const void* bytes, size_t size) {
    return fail_or(take_fault(disk_call::write, path_of(fd)),
                   [&] { return ::syscall(SYS_write, fd, bytes, size); });
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
    return static_cast<int>(
        fail_or(take_fault(disk_call::rename, path_of(from_folder) + "/" + from),
                [&] { return ::syscall(SYS_renameat2, from_folder, from, to_folder, to, 0); }));
}

}  // extern "C"
