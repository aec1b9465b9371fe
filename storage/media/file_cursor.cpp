#include "storage/media/file_cursor.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <system_error>

namespace pinhole::media {

file_cursor::file_cursor(int fd) : fd_(fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        throw std::system_error(errno, std::generic_category(), "fstat of a media file");
    }
    size_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

bool file_cursor::fill() {
    if (buffer_position_ < buffer_end_) {
        return true;
    }
    buffer_start_ += buffer_position_;
    buffer_position_ = 0;
    buffer_end_ = 0;
    const std::size_t wanted = std::min<std::uint64_t>(buffer_.size(), size_bytes_ - buffer_start_);
    if (wanted == 0) {
        return false;
    }
    ssize_t got = -1;
    do {
        got = ::pread(fd_, buffer_.data(), wanted, static_cast<off_t>(buffer_start_));
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        throw std::system_error(errno, std::generic_category(), "read of a media file");
    }
    buffer_end_ = static_cast<std::size_t>(got);
    return got > 0;
}

std::uint8_t file_cursor::read_8() {
    if (!fill()) {
        failed_ = true;
        return 0;
    }
    return buffer_[buffer_position_++];
}

std::uint16_t file_cursor::read_big_16() {
    const unsigned high = read_8();
    return static_cast<std::uint16_t>(high << 8 | read_8());
}

std::uint32_t file_cursor::read_big_32() {
    const std::uint32_t high = read_big_16();
    return high << 16 | read_big_16();
}

std::uint64_t file_cursor::read_big_64() {
    const std::uint64_t high = read_big_32();
    return high << 32 | read_big_32();
}

std::uint32_t file_cursor::read_little_32() {
    return __builtin_bswap32(read_big_32());
}

void file_cursor::read(std::span<std::uint8_t> to) {
    while (!to.empty()) {
        if (!fill()) {
            failed_ = true;
            std::ranges::fill(to, std::uint8_t{0});
            return;
        }
        const std::size_t ready = std::min(to.size(), buffer_end_ - buffer_position_);
        std::memcpy(to.data(), buffer_.data() + buffer_position_, ready);
        buffer_position_ += ready;
        to = to.subspan(ready);
    }
}

void file_cursor::skip(std::uint64_t bytes) {
    if (bytes > remaining()) {
        failed_ = true;
        seek(size_bytes_);
        return;
    }
    seek(position() + bytes);
}

void file_cursor::seek(std::uint64_t position) {
    assert(position <= size_bytes_);
    if (position >= buffer_start_ && position - buffer_start_ <= buffer_end_) {
        buffer_position_ = position - buffer_start_;
        return;
    }
    buffer_start_ = position;
    buffer_position_ = 0;
    buffer_end_ = 0;
}

bool file_cursor::skip_past(std::uint8_t value) {
    while (fill()) {
        const std::uint8_t* const from = buffer_.data() + buffer_position_;
        const void* const found = std::memchr(from, value, buffer_end_ - buffer_position_);
        if (found != nullptr) {
            const auto* const at = static_cast<const std::uint8_t*>(found);
            buffer_position_ += static_cast<std::size_t>(at - from) + 1;
            return true;
        }
        buffer_position_ = buffer_end_;
    }
    return false;
}

}  // namespace pinhole::media
