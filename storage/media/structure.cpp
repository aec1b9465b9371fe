#include "storage/media/structure.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace pinhole::media {
namespace {

/// Moves behind the next marker and gives its code. Skips what libjpeg skips too: entropy-coded
/// data (where FF is followed by 00), fill bytes, stray bytes between segments.
std::optional<std::uint8_t> next_jpeg_marker(file_cursor& file) {
    while (file.skip_past(0xff)) {
        std::uint8_t code = 0xff;
        while (code == 0xff && !file.failed()) {
            code = file.read_8();
        }
        if (code != 0 && !file.failed()) {
            return code;
        }
    }
    return std::nullopt;
}

/// ITU-T T.81, annex B. What follows the first EOI (gain maps, motion photos) is not looked at.
structure check_jpeg(file_cursor& file, const structure_limits& limits) {
    constexpr std::uint8_t temporary = 0x01;
    constexpr std::uint8_t restart_0 = 0xd0;
    constexpr std::uint8_t start_of_image = 0xd8;
    constexpr std::uint8_t end_of_image = 0xd9;
    constexpr std::uint8_t start_of_scan = 0xda;
    std::uint32_t scans = 0;
    while (const auto marker = next_jpeg_marker(file)) {
        if (*marker == end_of_image) {
            return scans > 0 ? structure::whole : structure::broken;
        }
        if (*marker == temporary || (*marker >= restart_0 && *marker <= start_of_image)) {
            continue;
        }
        if (*marker == start_of_scan && ++scans > limits.jpeg_scans_max) {
            return structure::excessive;
        }
        const std::uint16_t length = file.read_big_16();
        if (length < 2) {
            return structure::broken;
        }
        file.skip(length - 2U);
    }
    return structure::broken;
}

void skip_gif_sub_blocks(file_cursor& file) {
    while (const std::uint8_t length = file.read_8()) {
        file.skip(length);
    }
}

void skip_gif_color_table(file_cursor& file, std::uint8_t flags) {
    if ((flags & 0x80) != 0) {
        file.skip(3ULL << ((flags & 7) + 1));
    }
}

/// GIF89a specification: blocks up to the trailer.
structure check_gif(file_cursor& file, const structure_limits& limits) {
    file.skip(6);
    const std::uint32_t screen = file.read_little_32();
    const std::uint64_t width = screen & 0xffff;
    const std::uint64_t height = screen >> 16;
    const std::uint8_t screen_flags = file.read_8();
    file.skip(2);
    skip_gif_color_table(file, screen_flags);
    std::uint32_t frames = 0;
    while (!file.failed()) {
        const std::uint8_t introducer = file.read_8();
        if (introducer == 0x3b && frames > 0) {
            // libvips takes the frames' size where the screen's is odd, and would never say so.
            const bool is_huge = std::max(width, height) > limits.gif_side_max ||
                                 width * height > limits.gif_pixels_max;
            return is_huge ? structure::excessive : structure::whole;
        }
        if (introducer == 0x21) {
            file.skip(1);
        } else if (introducer == 0x2c) {
            if (++frames > limits.gif_frames_max) {
                return structure::excessive;
            }
            file.skip(8);
            skip_gif_color_table(file, file.read_8());
            file.skip(1);
        } else {
            return structure::broken;
        }
        skip_gif_sub_blocks(file);
    }
    return structure::broken;
}

structure check_webp(file_cursor& file) {
    file.skip(4);
    const std::uint64_t riff_bytes = file.read_little_32();
    return riff_bytes <= file.remaining() ? structure::whole : structure::broken;
}

}  // namespace

structure_report check_structure(format format, int fd, const structure_limits& limits) {
    file_cursor file(fd);
    switch (format) {
        case format::jpeg:
            return {.verdict = check_jpeg(file, limits)};
        case format::png:
            return {.verdict = check_png(file, limits)};
        case format::gif:
            return {.verdict = check_gif(file, limits)};
        case format::webp:
            return {.verdict = check_webp(file)};
        case format::webm:
            return {.verdict = check_webm(file, limits)};
        case format::heic:
        case format::avif:
        case format::mp4:
        case format::mov:
            return check_isobmff(format, file, limits);
    }
    std::unreachable();
}

}  // namespace pinhole::media
