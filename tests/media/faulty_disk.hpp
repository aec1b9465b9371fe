// A disk that fails on demand. The program's own fsync, write and renameat stand in for the C
// library's (faulty_disk.cpp) and do the same, but where a test has asked for a failure.
//
// Thread-safety: one faulty_disk at a time; the calls come from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pinhole::test {

enum class disk_call : std::uint8_t { fsync, write, rename };

/// While it lives, the next such call on a file or folder whose path contains `path_part` fails
/// with `error`, once. Also notes which paths were fsynced without a failure.
class faulty_disk {
public:
    faulty_disk(disk_call call, std::string path_part, int error);
    faulty_disk(const faulty_disk&) = delete;
    faulty_disk& operator=(const faulty_disk&) = delete;
    ~faulty_disk();

    bool has_failed() const;
    std::vector<std::string> synced_paths() const;
};

}  // namespace pinhole::test
