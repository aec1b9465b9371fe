// What restores of every kind have in common: the folders they make, what they build in them, and
// how that takes its place (data_directory.hpp).
//
// For one thread. Blocks: on the disk. Errors: std::system_error, std::runtime_error.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <vector>

#include "storage/restore/data_directory.hpp"

namespace pinhole::storage {

/// Folders that are made where absent, and taken away again unless they are kept.
class made_folders {
public:
    made_folders() = default;
    ~made_folders();
    made_folders(const made_folders&) = delete;
    made_folders& operator=(const made_folders&) = delete;

    /// With parents; durable.
    void make(const std::filesystem::path& wanted, mode_t mode);
    void keep() { made_.clear(); }

private:
    std::vector<std::filesystem::path> made_;
};

/// Makes the folder in which a restore builds, and takes away what was built, whatever comes in
/// between; not what a switch has begun with.
class restore_site {
public:
    /// Requires: the directory entered alone, for as long as this lives.
    explicit restore_site(const std::filesystem::path& data_dir);
    ~restore_site();
    restore_site(const restore_site&) = delete;
    restore_site& operator=(const restore_site&) = delete;

private:
    std::filesystem::path data_dir_;
};

/// Switches to what was built; if that begins and cannot be finished, the message says so.
void finish_restore(const std::filesystem::path& data_dir, switched_parts parts);

}  // namespace pinhole::storage
