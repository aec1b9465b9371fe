#include "storage/django/media_intake.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "storage/base/text.hpp"
#include "storage/media/location.hpp"
#include "storage/media/media_path.hpp"
#include "storage/media/sha256.hpp"
#include "storage/media/sniff.hpp"
#include "storage/schema/row_codec.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10U;
constexpr std::size_t name_bytes_max = 4096;

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error{errno, std::system_category(), what};
}

unique_fd open_root(const std::filesystem::path& root) {
    unique_fd opened{::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!opened) {
        throw_errno(("opening " + root.string()).c_str());
    }
    return opened;
}

std::size_t read_some(int fd, std::span<char> into, std::uint64_t at) {
    for (;;) {
        const ssize_t got = ::pread(fd, into.data(), into.size(), static_cast<off_t>(at));
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            throw_errno("reading a media file");
        }
    }
}

void write_all(int fd, std::span<const char> bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        const ssize_t done = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (done < 0 && errno != EINTR) {
            throw_errno("writing a temporary file");
        }
        const auto written = done > 0 ? static_cast<std::size_t>(done) : 0;
        bytes = bytes.subspan(written);
        at += written;
    }
}

/// How an absent or foreign part of a name is told.
std::string problem_of(int error) {
    switch (error) {
        case ENOENT:
        case ENOTDIR:
            return "is not there";
        case ELOOP:
            return "leads through a symbolic link, which is not followed";
        case EACCES:
            return "may not be read";
        default:
            return "cannot be opened: " + std::generic_category().message(error);
    }
}

std::uint64_t size_of(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        throw_errno("looking at a media file");
    }
    return static_cast<std::uint64_t>(status.st_size);
}

/// Copies all of it to the front of `to`. Its sum.
media::sha256_digest copy_all(int from, int to) {
    media::sha256_hash hash;
    std::vector<char> buffer(buffer_bytes);
    std::uint64_t at = 0;
    while (const std::size_t got = read_some(from, buffer, at)) {
        const auto piece = std::span<const char>{buffer}.first(got);
        hash.update(std::as_bytes(piece));
        write_all(to, piece, at);
        at += got;
    }
    return hash.digest();
}

}  // namespace

media_intake::media_intake(const std::filesystem::path& root, std::filesystem::path scratch,
                           const media::probe_limits& limits)
    : scratch_(std::move(scratch)),
      limits_(limits),
      root_(open_root(root)),
      bytes_(dump::open_unnamed(scratch_)),
      places_(scratch_) {}

/// Part by part, so that no part can be a link or lead upwards.
std::expected<unique_fd, std::string> media_intake::open_below_root(std::string_view name) const {
    if (name.empty()) {
        return std::unexpected{"has no name"};
    }
    if (name.front() == '/' || name.size() > name_bytes_max || name.contains('\0')) {
        return std::unexpected{"is not a name below the media root"};
    }
    unique_fd folder{::openat(root_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    for (;;) {
        const auto end = name.find('/');
        const std::string part{name.substr(0, end)};
        if (part == "..") {
            return std::unexpected{"climbs out of its folder"};
        }
        const bool is_last = end == std::string_view::npos;
        constexpr int not_followed = O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        unique_fd opened{::openat(folder.get(), part.empty() ? "." : part.c_str(),
                                  is_last ? not_followed : not_followed | O_DIRECTORY)};
        if (!opened) {
            struct stat status{};
            const int error = errno;
            const bool is_link =
                ::fstatat(folder.get(), part.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISLNK(status.st_mode);
            return std::unexpected{problem_of(is_link ? ELOOP : error)};
        }
        if (is_last) {
            return opened;
        }
        folder = std::move(opened);
        name.remove_prefix(end + 1);
    }
}

std::expected<taken_file, std::string> media_intake::take(std::string_view name,
                                                          std::string_view owner) {
    auto opened = open_below_root(name);
    if (!opened) {
        return std::unexpected{std::move(opened.error())};
    }
    struct stat status{};
    if (::fstat(opened->get(), &status) != 0) {
        throw_errno("looking at a media file");
    }
    if (!S_ISREG(status.st_mode)) {
        return std::unexpected{"is not a file"};
    }
    std::vector<char> front(media::sniff_bytes_max);
    const std::size_t got = read_some(opened->get(), front, 0);
    const auto format = media::sniff(std::string_view{front.data(), got});
    if (!format) {
        return std::unexpected{"is of a type that is not accepted"};
    }
    const std::uint64_t bytes_max =
        media::is_image(*format) ? limits_.image_bytes_max : limits_.video_bytes_max;
    if (std::cmp_greater(status.st_size, bytes_max)) {
        return std::unexpected{"has more bytes than allowed"};
    }
    const unique_fd copy = dump::open_unnamed(scratch_);
    const auto digest = copy_all(opened->get(), copy.get());
    return take_copy(copy.get(), media::to_text(digest) + std::string{owner}, *format);
}

std::expected<taken_file, std::string> media_intake::take_copy(int copy,
                                                               const std::string& token_source,
                                                               media::format format) {
    const auto removed = media::remove_location(copy, format);
    if (!removed) {
        return std::unexpected{removed.error().message};
    }
    const auto info = media::probe("/proc/self/fd/" + std::to_string(copy), limits_);
    if (!info) {
        return std::unexpected{info.error().message};
    }
    media::sha256_hash token_hash;
    const std::string labelled = "pinhole import-django\n" + token_source;
    token_hash.update(std::as_bytes(std::span{labelled}));
    const std::string token = media::to_text(token_hash.digest()).substr(0, media::token_digits);
    taken_file taken{
        .info = *info,
        .media_path = media::to_media_path(token + '.' + std::string{media::extension(format)}),
        .sha256 = media::to_text(media::hash_file(copy).hash.digest())};
    taken.info.size_bytes = size_of(copy);
    spool(copy, taken.media_path, taken.info.size_bytes);
    return taken;
}

void media_intake::spool(int copy, const std::string& media_path, std::uint64_t size_bytes) {
    std::vector<char> buffer(buffer_bytes);
    for (std::uint64_t at = 0; at < size_bytes;) {
        const std::size_t got = read_some(copy, buffer, at);
        write_all(bytes_.get(), std::span{buffer}.first(got), spooled_bytes_ + at);
        at += got;
    }
    std::string record;
    append_varint(record, spooled_bytes_);
    append_varint(record, size_bytes);
    places_.append_record(record += media_path);
    spooled_bytes_ += size_bytes;
}

void media_intake::rewind() {
    places_.flush();
    reader_.emplace(places_.fd(), 0, places_.size_bytes(), buffer_bytes);
}

bool media_intake::next(spooled_medium& medium) {
    auto record = reader_->record();
    if (!record) {
        return false;
    }
    medium.begin = take_varint(*record).value();
    medium.size_bytes = take_varint(*record).value();
    medium.media_path = *record;
    return true;
}

std::size_t media_intake::read(std::span<char> buffer, std::uint64_t at) const {
    return read_some(bytes_.get(), buffer, at);
}

void media_intake::release(const spooled_medium& medium) const {
    // A file system that cannot do it keeps the bytes a little longer.
    (void)::fallocate(bytes_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                      static_cast<off_t>(medium.begin), static_cast<off_t>(medium.size_bytes));
}

}  // namespace pinhole::storage::django
