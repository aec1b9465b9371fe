// A buffered reading position in a file, for walking the structure of containers.
//
// Reads past the end are no error: they set `failed()` and give zeros, so that a walker can read a
// whole record and check once. It refuses to know what it reads.
//
// Thread-safety: one thread at a time. Blocking: reads the file. Errors: std::system_error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace pinhole::media {

class file_cursor {
public:
    /// Borrows the descriptor; uses pread, so its own position stays untouched.
    explicit file_cursor(int fd);

    std::uint64_t size() const { return size_bytes_; }
    std::uint64_t position() const { return buffer_start_ + buffer_position_; }
    std::uint64_t remaining() const { return size_bytes_ - position(); }
    bool at_end() const { return position() == size_bytes_; }

    /// True once anything was asked for that lies behind the end.
    bool failed() const { return failed_; }

    std::uint8_t read_8();
    std::uint16_t read_big_16();
    std::uint32_t read_big_32();
    std::uint64_t read_big_64();
    std::uint32_t read_little_32();

    /// Fills all of `to`; with zeros what lies behind the end.
    void read(std::span<std::uint8_t> to);

    void skip(std::uint64_t bytes);
    /// Requires: position <= size().
    void seek(std::uint64_t position);

    /// Moves just behind the next byte of this value; false (and at the end) if there is none.
    bool skip_past(std::uint8_t value);

private:
    /// Makes at least one byte available; false at the end of the file.
    bool fill();

    int fd_;
    std::uint64_t size_bytes_;
    std::uint64_t buffer_start_ = 0;  ///< where in the file the buffer's first byte lies
    std::size_t buffer_position_ = 0;
    std::size_t buffer_end_ = 0;
    bool failed_ = false;
    std::array<std::uint8_t, 16 * 1024> buffer_;
};

}  // namespace pinhole::media
