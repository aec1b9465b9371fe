// A small file system of its own that loses its power: whatever was not fsynced is gone, folder
// entries too. ext4 or xfs on a loop device, which have a call for just this (it forbids the log to
// be written any more).
//
// Mounted in a mount namespace of this thread's, so that nothing stays behind however the test
// ends; programs started from this thread see it too. For the test's own thread.
#pragma once

#include <boost/test/tools/assertion_result.hpp>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>

#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

class cut_disk {
public:
    /// `kind`: ext4 or xfs.
    /// Errors: std::runtime_error where it can't be made or mounted.
    explicit cut_disk(std::string kind);
    cut_disk(const cut_disk&) = delete;
    cut_disk& operator=(const cut_disk&) = delete;
    ~cut_disk();

    std::filesystem::path path() const { return folder_.path() / "disk"; }
    /// From now on every write fails.
    void cut() const;
    /// Mounts again what is left. Requires: no process has a file of it open.
    void power_up();

private:
    void mount() const;

    std::string kind_;
    temporary_directory folder_;
};

/// Whether there can be one here; for boost::unit_test::precondition.
boost::test_tools::assertion_result can_cut_power(boost::unit_test::test_unit_id);

}  // namespace pinhole::test
