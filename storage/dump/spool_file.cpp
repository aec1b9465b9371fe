#include "storage/dump/spool_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace pinhole::storage::dump {

namespace {

constexpr std::size_t write_bytes = std::size_t{1} << 20U;

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error{errno, std::system_category(), what};
}

}  // namespace

unique_fd open_unnamed(const std::filesystem::path& directory) {
    unique_fd file{::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)};
    if (file) {
        return file;
    }
    // Some file systems can't: a name that lives for a moment does as well.
    std::string name = (directory / "spool-XXXXXX").string();
    file.reset(::mkostemp(name.data(), O_CLOEXEC));
    if (!file || ::unlink(name.c_str()) != 0) {
        throw_errno("making a temporary file");
    }
    return file;
}

spool_writer::spool_writer(const std::filesystem::path& directory)
    : file_(open_unnamed(directory)) {
    buffer_.reserve(write_bytes);
}

void spool_writer::append(std::string_view bytes) {
    if (buffer_.size() + bytes.size() > write_bytes) {
        flush();
    }
    buffer_ += bytes;
}

void spool_writer::append_record(std::string_view bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    char front[sizeof length];
    std::memcpy(front, &length, sizeof length);
    append({front, sizeof length});
    append(bytes);
}

void spool_writer::flush() {
    std::string_view left = buffer_;
    while (!left.empty()) {
        const ssize_t done = ::write(file_.get(), left.data(), left.size());
        if (done < 0 && errno != EINTR) {
            throw_errno("writing a temporary file");
        }
        left.remove_prefix(done > 0 ? static_cast<std::size_t>(done) : 0);
    }
    written_ += buffer_.size();
    buffer_.clear();
}

void spool_writer::end() {
    flush();
    std::string{}.swap(buffer_);  // assigning {} would keep the memory
}

spool_reader::spool_reader(int fd, std::uint64_t begin, std::uint64_t end, std::size_t buffer_bytes)
    : fd_(fd), at_(begin), end_(end), buffer_(buffer_bytes) {}

std::optional<std::string_view> spool_reader::take(std::size_t bytes) {
    if (to_ - from_ < bytes) {
        std::memmove(buffer_.data(), buffer_.data() + from_, to_ - from_);
        to_ -= from_;
        from_ = 0;
        buffer_.resize(std::max(buffer_.size(), bytes));
    }
    while (to_ - from_ < bytes) {
        const auto wanted = std::min<std::uint64_t>(buffer_.size() - to_, end_ - at_);
        if (wanted == 0) {
            if (to_ == from_) {
                return std::nullopt;
            }
            throw std::runtime_error{"a temporary file is cut short"};
        }
        const ssize_t got = ::pread(fd_, buffer_.data() + to_, wanted, static_cast<off_t>(at_));
        if (got < 0 && errno != EINTR) {
            throw_errno("reading a temporary file");
        }
        if (got == 0) {
            throw std::runtime_error{"a temporary file is cut short"};
        }
        at_ += got > 0 ? static_cast<std::uint64_t>(got) : 0;
        to_ += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    const std::string_view taken{buffer_.data() + from_, bytes};
    from_ += bytes;
    return taken;
}

std::optional<std::string_view> spool_reader::record() {
    std::uint32_t length = 0;
    const auto front = take(sizeof length);
    if (!front) {
        return std::nullopt;
    }
    std::memcpy(&length, front->data(), sizeof length);
    return length == 0 ? std::string_view{} : take(length);
}

}  // namespace pinhole::storage::dump
