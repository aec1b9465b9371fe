#include "tests/crash/cut_disk.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "storage/base/unique_fd.hpp"

namespace pinhole::test {

namespace {

constexpr std::uintmax_t disk_bytes = std::uintmax_t{640} << 20U;

/// The same for both: EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN, which no header of ours has. The
/// flag has it end at once, without writing the log.
constexpr unsigned long shutdown_call = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t no_log_flush = 2;

[[noreturn]] void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
}

void run(const std::string& command) {
    if (std::system((command + " > /dev/null").c_str()) != 0) {
        throw std::runtime_error("failed: " + command);
    }
}

void enter_own_mount_namespace() {
    static const bool entered = [] {
        if (::unshare(CLONE_NEWNS) != 0) {
            fail("unshare");
        }
        if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
            fail("making the mounts private");
        }
        return true;
    }();
    static_cast<void>(entered);
}

}  // namespace

cut_disk::cut_disk(std::string kind) : kind_(std::move(kind)) {
    enter_own_mount_namespace();
    const auto image = folder_.path() / "image";
    const unique_fd file(::open(image.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    if (!file || ::ftruncate(file.get(), disk_bytes) != 0) {
        fail("making " + image.string());
    }
    run("mkfs." + kind_ + " -q '" + image.string() + "'");
    std::filesystem::create_directory(path());
    mount();
}

cut_disk::~cut_disk() {
    // What still holds it open is about to end.
    ::umount2(path().c_str(), MNT_DETACH);
}

void cut_disk::mount() const {
    run("mount -o loop '" + (folder_.path() / "image").string() + "' '" + path().string() + "'");
}

void cut_disk::cut() const {
    const unique_fd root(::open(path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root || ::ioctl(root.get(), shutdown_call, &no_log_flush) != 0) {
        fail("cutting the power of " + path().string());
    }
}

void cut_disk::power_up() {
    // Whoever looks at all disks now and then may hold it for a moment.
    for (int tries = 1; ::umount(path().c_str()) != 0; ++tries) {
        if (errno != EBUSY || tries == 100) {
            fail("unmounting " + path().string());
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
    mount();
}

boost::test_tools::assertion_result can_cut_power(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result able = true;
    try {
        for (const char* kind : {"ext4", "xfs"}) {
            const cut_disk disk(kind);
            disk.cut();
        }
    } catch (const std::exception& refusal) {
        able = false;
        able.message() << "no file system can be mounted and cut off here: " << refusal.what();
    }
    return able;
}

}  // namespace pinhole::test
