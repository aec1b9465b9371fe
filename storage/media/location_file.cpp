#include "storage/media/location_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <system_error>

#include "storage/media/location.hpp"

namespace pinhole::media {
namespace {

constexpr std::size_t block_bytes = 16 * 1024;

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

location_file::location_file(int fd) : fd_(fd), steps_left_(location_steps_max) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        throw_errno("fstat of a media file");
    }
    size_bytes_ = static_cast<std::uint64_t>(status.st_size);
}

bool location_file::take_step() {
    steps_left_ -= steps_left_ > 0 ? 1 : 0;
    return steps_left_ > 0;
}

std::size_t location_file::read_into(std::uint64_t offset, std::span<std::uint8_t> to) const {
    std::size_t size = 0;
    while (size < to.size()) {
        const ssize_t got =
            ::pread(fd_, to.data() + size, to.size() - size, static_cast<off_t>(offset + size));
        if (got < 0 && errno != EINTR) {
            throw_errno("read of a media file");
        }
        if (got == 0) {
            break;
        }
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return size;
}

void location_file::overwrite(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    changed_ = true;
    while (!bytes.empty()) {
        const ssize_t put = ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (put < 0 && errno != EINTR) {
            throw_errno("write of a media file");
        }
        const std::size_t done = put > 0 ? static_cast<std::size_t>(put) : 0;
        bytes = bytes.subspan(done);
        offset += done;
    }
}

std::vector<std::uint8_t> location_file::read(std::uint64_t offset, std::uint64_t length) {
    if (!take_step() || offset >= size_bytes_) {
        return {};
    }
    std::vector<std::uint8_t> bytes(std::min(length, size_bytes_ - offset));
    bytes.resize(read_into(offset, bytes));
    return bytes;
}

void location_file::write(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    assert(bytes.size() <= size_bytes_ && offset <= size_bytes_ - bytes.size());
    const std::vector<std::uint8_t> before = read(offset, bytes.size());
    if (!excessive() && !std::ranges::equal(before, bytes)) {
        overwrite(offset, bytes);
    }
}

void location_file::write(std::uint64_t offset, const char (&bytes)[5]) {
    const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes);
    write(offset, std::span(data, 4));
}

void location_file::zero(std::uint64_t offset, std::uint64_t length) {
    assert(length <= size_bytes_ && offset <= size_bytes_ - length);
    static constexpr std::array<std::uint8_t, block_bytes> zeros{};
    if (!take_step()) {
        return;
    }
    std::array<std::uint8_t, block_bytes> buffer;
    while (length > 0) {
        const std::span block =
            std::span(buffer).first(std::min<std::uint64_t>(length, block_bytes));
        const std::size_t size = read_into(offset, block);
        const auto known = block.first(size);
        const auto is_set = [](std::uint8_t byte) { return byte != 0; };
        if (const auto first = std::ranges::find_if(known, is_set); first != known.end()) {
            const auto from = static_cast<std::size_t>(first - known.begin());
            overwrite(offset + from, std::span(zeros).first(size - from));
        }
        if (size < block.size()) {
            return;
        }
        offset += block.size();
        length -= block.size();
    }
}

void location_file::truncate(std::uint64_t size_bytes) {
    if (size_bytes >= size_bytes_) {
        return;
    }
    if (::ftruncate(fd_, static_cast<off_t>(size_bytes)) != 0) {
        throw_errno("truncation of a media file");
    }
    size_bytes_ = size_bytes;
    changed_ = true;
}

}  // namespace pinhole::media
