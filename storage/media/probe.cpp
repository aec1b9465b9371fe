#include "storage/media/probe.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <mutex>
#include <optional>
#include <span>
#include <system_error>
#include <utility>

#include "storage/base/unique_fd.hpp"
#include "storage/media/probe_steps.hpp"
#include "storage/media/structure.hpp"

namespace pinhole::media {
namespace {

[[noreturn]] void throw_errno(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

std::uint64_t size_of(int fd) {
    struct stat status{};
    if (::fstat(fd, &status) != 0) {
        throw_errno("fstat of a media file");
    }
    return static_cast<std::uint64_t>(status.st_size);
}

std::optional<format> sniff_file(int fd) {
    std::array<std::byte, sniff_bytes_max> head;
    std::size_t size = 0;
    while (size < head.size()) {
        const ssize_t got =
            ::pread(fd, head.data() + size, head.size() - size, static_cast<off_t>(size));
        if (got < 0 && errno != EINTR) {
            throw_errno("read of a media file");
        }
        if (got == 0) {
            break;
        }
        size += got > 0 ? static_cast<std::size_t>(got) : 0;
    }
    return sniff(std::span(head).first(size));
}

}  // namespace

std::unexpected<probe_error> refuse_as_corrupt(std::string detail) {
    return std::unexpected(probe_error{probe_failure::corrupt, "The file is damaged or incomplete.",
                                       std::move(detail)});
}

std::unexpected<probe_error> refuse_as_unsupported(std::string message, std::string detail) {
    return std::unexpected(
        probe_error{probe_failure::unsupported_type, std::move(message), std::move(detail)});
}

std::unexpected<probe_error> refuse_as_too_large(std::string message) {
    return std::unexpected(probe_error{probe_failure::too_large, std::move(message), {}});
}

bool is_memory_short() {
    constexpr std::size_t trial_bytes = 256U << 20;  // more than any decoder takes at once
    void* const trial =
        ::mmap(nullptr, trial_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (trial == MAP_FAILED) {
        return true;
    }
    ::munmap(trial, trial_bytes);
    return false;
}

void start_decoders() {
    static std::once_flag started;
    std::call_once(started, [] {
        start_image_decoders();
        start_video_decoders();
    });
}

std::expected<media_info, probe_error> probe(const std::filesystem::path& path,
                                             const probe_limits& limits) {
    start_decoders();
    const unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
        throw_errno("open of a media file");
    }
    const std::optional<format> claimed = sniff_file(file.get());
    if (!claimed) {
        return refuse_as_unsupported(
            "The file is not of an accepted type: " + accepted_content_types() + ".");
    }
    const std::uint64_t size_bytes = size_of(file.get());
    const bool image = is_image(*claimed);
    const std::uint64_t bytes_max = image ? limits.image_bytes_max : limits.video_bytes_max;
    if (size_bytes > bytes_max) {
        return std::unexpected(
            probe_error{probe_failure::too_many_bytes,
                        fmt::format("The file has {} bytes; {} may have at most {}.", size_bytes,
                                    image ? "an image" : "a video", bytes_max),
                        {}});
    }
    const structure_limits structure_limits{
        .gif_frames_max = limits.animation_frames_max,
        .gif_side_max = limits.image_side_max,
        .gif_pixels_max = std::min(limits.buffered_pixels_max, limits.image_pixels_max),
        .heif_pixels_max = std::min(limits.buffered_pixels_max, limits.image_pixels_max),
        .heif_side_max = limits.image_side_max};
    const structure_report walked = check_structure(*claimed, file.get(), structure_limits);
    switch (walked.verdict) {
        case structure::whole:
            break;
        case structure::broken:
            return refuse_as_corrupt("the container's own sizes do not fit");
        case structure::excessive:
            return refuse_as_too_large(
                "The file has too many pixels, frames, passes or samples, or too much beside "
                "them.");
    }
    auto found = image ? probe_image(*claimed, file.get(), walked.coded_pixels, limits)
                       : probe_video(*claimed, file.get(), limits);
    if (found) {
        found->size_bytes = size_bytes;
    }
    return found;
}

}  // namespace pinhole::media
