// A disk that is soon full.
#pragma once

#include <sys/mount.h>

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

/// A file system in memory, of so many bytes.
class small_disk {
public:
    small_disk(std::filesystem::path at, std::size_t bytes) : at_(std::move(at)) {
        std::filesystem::create_directories(at_);
        const std::string size = "size=" + std::to_string(bytes);
        is_mounted_ = ::mount("tmpfs", at_.c_str(), "tmpfs", 0, size.c_str()) == 0;
    }
    ~small_disk() {
        if (is_mounted_) {
            ::umount2(at_.c_str(), MNT_DETACH);
        }
    }
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;
    bool is_mounted() const { return is_mounted_; }

private:
    std::filesystem::path at_;
    bool is_mounted_ = false;
};

/// For tests that need one: a precondition.
inline boost::test_tools::assertion_result can_mount(boost::unit_test::test_unit_id /*id*/) {
    const temporary_directory directory;
    boost::test_tools::assertion_result result(
        small_disk{directory.path() / "disk", 1U << 20U}.is_mounted());
    result.message() << "needs the right to mount a file system";
    return result;
}

}  // namespace pinhole::test
