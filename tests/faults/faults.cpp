#include "tests/faults/faults.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <system_error>

#include "storage/base/unique_fd.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/seed.hpp"

namespace pinhole::test {

namespace {

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

unsigned seed_of_places() {
    static const unsigned seed = pinhole::test::make_seed();
    return seed;
}

std::mt19937& random_places() {
    static std::mt19937 random(seed_of_places());
    return random;
}

boost::test_tools::assertion_result can_trace(unit_id) {
    boost::test_tools::assertion_result result(
        run_program({"strace", "-f", "--seccomp-bpf", "-o", "/dev/null", "-e",
                     "inject=fsync:error=EIO", "true"}) == 0);
    result.message() << "needs strace and the right to trace";
    return result;
}

boost::test_tools::assertion_result can_mount(unit_id) {
    bool mounted = true;
    try {
        const small_disk disk(disk_kind::ext4, 8U << 20U);
    } catch (const std::system_error&) {
        mounted = false;
    }
    boost::test_tools::assertion_result result(mounted);
    result.message() << "needs the right to mount a file system, also from a file, and mkfs.ext4";
    return result;
}

small_disk::small_disk(disk_kind kind, std::uint64_t bytes) : mount_(directory_.path() / "disk") {
    std::filesystem::create_directory(mount_);
    if (kind == disk_kind::tmpfs) {
        const std::string size = "size=" + std::to_string(bytes);
        if (::mount("tmpfs", mount_.c_str(), "tmpfs", 0, size.c_str()) != 0) {
            fail("mount tmpfs");
        }
        return;
    }
    const std::string image = (directory_.path() / "image").string();
    std::ofstream(image).close();
    std::filesystem::resize_file(image, bytes);
    errno = EPERM;
    // Nothing kept for root: what is free is free for everybody.
    if (run_program({"mkfs.ext4", "-q", "-m", "0", image}) != 0 ||
        run_program({"mount", "-o", "loop", image, mount_.string()}) != 0) {
        fail("mount ext4");
    }
}

small_disk::~small_disk() {
    // Lazily: should a test have ended early, its server may not be gone for a moment yet.
    ::umount2(mount_.c_str(), MNT_DETACH);
}

void small_disk::fill() {
    const std::string path = (mount_ / "ballast").string();
    const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (!file) {
        fail("open the ballast");
    }
    const std::string zeros(std::size_t{1} << 20U, '\0');
    for (std::size_t piece = zeros.size(); piece > 0;) {
        const ssize_t written = ::write(file.get(), zeros.data(), piece);
        if (written < 0 && errno != ENOSPC) {
            fail("write the ballast");
        }
        piece = written > 0 ? piece : piece / 2;
    }
    ::fsync(file.get());
}

void small_disk::free() {
    std::filesystem::remove(mount_ / "ballast");
}

std::uint64_t small_disk::free_bytes() const {
    return std::filesystem::space(mount_).available;
}

std::vector<std::string> error_lines(const std::filesystem::path& log) {
    std::vector<std::string> found;
    std::ifstream file(log);
    for (std::string line; std::getline(file, line);) {
        const auto entry = nlohmann::json::parse(line, nullptr, false);
        if (entry.is_object() && entry.value("level", "") == "error" && !entry.contains("status")) {
            found.push_back(std::move(line));
        }
    }
    return found;
}

std::size_t count_lines(const std::filesystem::path& log, std::string_view text) {
    std::ifstream file(log);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);) {
        count += line.contains(text) ? 1 : 0;
    }
    return count;
}

}  // namespace pinhole::test
