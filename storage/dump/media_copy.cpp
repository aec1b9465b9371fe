#include "storage/dump/media_copy.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <expected>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "storage/media/media_path.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::storage::dump {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10U;
constexpr std::string_view url_front = "/media/";

/// Empty if the row's URL is none of a media file.
std::string_view media_path_of(const file& row) {
    const std::string_view url = row.url;
    return url.starts_with(url_front) ? url.substr(url_front.size()) : std::string_view{};
}

std::string fault_of(const file& row, std::string_view what) {
    std::string line = "file " + std::to_string(row.id) + " (" + row.url + ") ";
    return line += what;
}

std::expected<media::open_file, std::string> open_sound(const media::media_reader& media,
                                                        const file& row) {
    auto opened = media.open_any(media_path_of(row));
    if (!opened) {
        return std::unexpected{fault_of(row, "is missing")};
    }
    // A row from elsewhere may lack the size.
    if (row.size != 0 && std::cmp_not_equal(opened->size_bytes, row.size)) {
        return std::unexpected{fault_of(row, "has " + std::to_string(opened->size_bytes) +
                                                 " bytes, its row says " +
                                                 std::to_string(row.size))};
    }
    return std::move(*opened);
}

std::size_t read_some(int fd, std::span<std::byte> into, std::uint64_t at) {
    for (;;) {
        const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(at));
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            throw std::system_error{errno, std::generic_category(), "read of a media file"};
        }
    }
}

}  // namespace

media_copier::media_copier(const media::media_reader& media, dump_sink& sink,
                           const work_watch& watch, const work_progress& progress)
    : media_(media), sink_(sink), watch_(watch), progress_(progress), buffer_(buffer_bytes) {}

/// As many bytes as there were when it was opened.
std::optional<std::string> media_copier::read(const file& row, const media::open_file& opened,
                                              const piece_function& take) {
    media::sha256_hash hash;
    for (std::uint64_t at = 0; at < opened.size_bytes;) {
        const auto wanted = std::span{buffer_}.first(
            std::min<std::uint64_t>(buffer_.size(), opened.size_bytes - at));
        const auto piece = wanted.first(read_some(opened.fd.get(), wanted, at));
        if (piece.empty()) {
            throw std::runtime_error{fault_of(row, "was cut short while it was read")};
        }
        hash.update(piece);
        take(piece);
        at += piece.size();
        watch_.advance(progress_);
    }
    if (!row.sha256.empty() && media::to_text(hash.digest()) != row.sha256) {
        return fault_of(row, "has another SHA-256 than its row says");
    }
    return std::nullopt;
}

std::optional<std::string> media_copier::find_fault(const file& row) {
    const auto opened = open_sound(media_, row);
    return opened ? read(row, *opened, [](std::span<const std::byte>) {}) : opened.error();
}

std::optional<std::string> media_copier::copy(const file& row) {
    const auto opened = open_sound(media_, row);
    if (!opened) {
        return opened.error();
    }
    sink_.begin_member(std::string{media_folder} + std::string{media_path_of(row)},
                       opened->size_bytes);
    auto fault = read(row, *opened, [this](std::span<const std::byte> piece) {
        sink_.write({reinterpret_cast<const char*>(piece.data()), piece.size()});
        progress_.done += piece.size();
    });
    sink_.end_member();
    if (!fault) {
        ++copied_.files;
        copied_.bytes += opened->size_bytes;
    }
    return fault;
}

}  // namespace pinhole::storage::dump
