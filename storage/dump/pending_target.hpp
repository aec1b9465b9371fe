// A file or directory that is written beside its name and gets it once it is whole, as one step
// that also a crash leaves whole; never in place of something that is there.
//
// Thread-safety: one thread at a time. Blocking: on the disk.
// Errors: throws std::system_error.
#pragma once

#include <filesystem>
#include <string_view>

#include "storage/base/error.hpp"
#include "storage/base/unique_fd.hpp"

namespace pinhole::storage::dump {

enum class target_kind : std::uint8_t { file, directory };

class pending_target {
public:
    /// Requires: nothing stands at `target` (find_conflict in dump_sink.hpp).
    pending_target(const std::filesystem::path& target, target_kind kind);
    pending_target(const pending_target&) = delete;
    pending_target& operator=(const pending_target&) = delete;
    /// Removes what has not got its name.
    ~pending_target();

    /// Where it is written.
    const std::filesystem::path& path() const { return temporary_; }
    /// Open: for writing if it is a file.
    int fd() const { return fd_.get(); }

    /// Brings all of it to the disk, then gives it its name, durably.
    /// Errors: conflict if something stands there.
    result<void> finish();

private:
    void sync_content() const;

    std::filesystem::path target_;
    std::filesystem::path temporary_;
    target_kind kind_;
    unique_fd fd_;
    bool is_finished_ = false;
};

/// All of it, however often the system takes only a part.
void write_all(int fd, std::string_view bytes, const char* what);

}  // namespace pinhole::storage::dump
