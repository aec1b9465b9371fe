// What the tests of a failing disk share: what this machine lets them do, a small disk of their
// own, and what the server has logged.
//
// PINHOLE_TEST_FAULTS=full tries every place instead of a sample; PINHOLE_TEST_SEED chooses the
// sample. For the test's own thread.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <filesystem>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/full_run.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

/// Seeded by PINHOLE_TEST_SEED or at random; the test's messages say by what.
std::mt19937& random_places();
unsigned seed_of_places();

using unit_id = boost::unit_test::test_unit_id;
boost::test_tools::assertion_result can_mount(unit_id);
boost::test_tools::assertion_result can_trace(unit_id);

enum class disk_kind : std::uint8_t { tmpfs, ext4 };

/// A file system of its own, of so many bytes. Needs the right to mount.
class small_disk {
public:
    small_disk(disk_kind kind, std::uint64_t bytes);
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;
    ~small_disk();

    const std::filesystem::path& path() const { return mount_; }

    /// Writes, as another program would, until not a byte is free.
    void fill();
    /// Gives back what `fill` took.
    void free();
    std::uint64_t free_bytes() const;

private:
    temporary_directory directory_;
    std::filesystem::path mount_;
};

/// The lines of a log at level error, requests aside.
std::vector<std::string> error_lines(const std::filesystem::path& log);
std::size_t count_lines(const std::filesystem::path& log, std::string_view text);

}  // namespace pinhole::test
