// A file whose bytes are overwritten in place, only where they differ.
//
// Thread-safety: one thread at a time. Blocking: yes. Errors: std::system_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace pinhole::media {

class location_file {
public:
    /// Borrows the descriptor; uses pread and pwrite.
    explicit location_file(int fd);

    int fd() const { return fd_; }
    std::uint64_t size() const { return size_bytes_; }
    bool changed() const { return changed_; }
    /// So many places were asked for that no more is done; the file is to be refused.
    bool excessive() const { return steps_left_ == 0; }

    /// What the file has of these; fewer behind its end.
    std::vector<std::uint8_t> read(std::uint64_t offset, std::uint64_t length);
    void write(std::uint64_t offset, std::span<const std::uint8_t> bytes);
    /// Requires, as `zero`: within the file.
    void write(std::uint64_t offset, const char (&bytes)[5]);
    void zero(std::uint64_t offset, std::uint64_t length);
    void truncate(std::uint64_t size_bytes);

private:
    bool take_step();
    std::size_t read_into(std::uint64_t offset, std::span<std::uint8_t> to) const;
    void overwrite(std::uint64_t offset, std::span<const std::uint8_t> bytes);

    int fd_;
    std::uint64_t size_bytes_;
    std::size_t steps_left_;
    bool changed_ = false;
};

}  // namespace pinhole::media
