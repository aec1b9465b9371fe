#include "storage/dump/line_reader.hpp"

#include <cstring>

namespace pinhole::storage::dump {

namespace {

constexpr std::size_t buffer_bytes = 4 * line_bytes_max;

}  // namespace

line_reader::line_reader(archive_reader& archive) : archive_(archive), buffer_(buffer_bytes) {}

/// Brings more bytes in behind those that are there; false at the end.
bool line_reader::fill() {
    if (begin_ > 0) {
        std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
    }
    const std::span<char> room = std::span{buffer_}.subspan(end_);
    const std::size_t got = archive_.read(room);
    hash_.update(std::as_bytes(room.first(got)));
    end_ += got;
    return got > 0;
}

dump_line line_reader::take(std::size_t length, std::size_t end_bytes, const char* problem) {
    const dump_line line{{buffer_.data() + begin_, length}, ++number_, problem};
    begin_ += length + end_bytes;
    return line;
}

dump_line line_reader::skip_long_line() {
    for (;;) {
        begin_ = end_;
        if (!fill()) {
            break;
        }
        const void* found = std::memchr(buffer_.data() + begin_, '\n', end_ - begin_);
        if (found != nullptr) {
            begin_ = static_cast<std::size_t>(static_cast<const char*>(found) - buffer_.data()) + 1;
            break;
        }
    }
    return {{}, ++number_, "is longer than any row can be"};
}

std::optional<dump_line> line_reader::next() {
    std::size_t looked_at = 0;
    for (;;) {
        const char* from = buffer_.data() + begin_ + looked_at;
        const std::size_t left = end_ - begin_ - looked_at;
        const void* found = left > 0 ? std::memchr(from, '\n', left) : nullptr;
        if (found != nullptr) {
            const auto length = static_cast<std::size_t>(static_cast<const char*>(found) -
                                                         (buffer_.data() + begin_));
            return length > line_bytes_max ? take(length, 1, "is longer than any row can be")
                                           : take(length, 1, nullptr);
        }
        looked_at = end_ - begin_;
        if (looked_at > line_bytes_max) {
            return skip_long_line();
        }
        if (!fill()) {
            break;
        }
    }
    if (begin_ == end_) {
        return std::nullopt;
    }
    return take(end_ - begin_, 0, "is cut short: it has no end of line");
}

}  // namespace pinhole::storage::dump
