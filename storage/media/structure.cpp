#include "storage/media/structure.hpp"

#include <bit>
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

/// PNG specification, section 5: chunks up to IEND.
structure check_png(file_cursor& file) {
    constexpr std::uint32_t end_chunk = 0x49454e44;
    file.skip(8);
    while (!file.failed()) {
        const std::uint64_t length = file.read_big_32();
        const std::uint32_t type = file.read_big_32();
        file.skip(length + 4);  // and its CRC, which the decoder checks
        if (type == end_chunk && !file.failed()) {
            return structure::whole;
        }
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
    file.skip(10);
    const std::uint8_t screen_flags = file.read_8();
    file.skip(2);
    skip_gif_color_table(file, screen_flags);
    std::uint32_t frames = 0;
    while (!file.failed()) {
        const std::uint8_t introducer = file.read_8();
        if (introducer == 0x3b) {
            return frames > 0 ? structure::whole : structure::broken;
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

struct ebml_number {
    std::uint64_t value = 0;
    bool unknown = false;  ///< all value bits set: "to the end" (RFC 8794, section 6.2)
};

ebml_number read_ebml_number(file_cursor& file, bool keep_marker) {
    const std::uint8_t first = file.read_8();
    const int length = std::countl_zero(first) + 1;
    if (length > 8) {
        file.skip(file.remaining() + 1);  // no number starts with a zero byte
        return {};
    }
    const unsigned marker = 0x80U >> (length - 1);
    std::uint64_t value = keep_marker ? first : first & (marker - 1);
    for (int i = 1; i < length; ++i) {
        value = value << 8 | file.read_8();
    }
    const std::uint64_t all_set = (1ULL << (7 * length)) - 1;
    return {.value = value, .unknown = !keep_marker && value == all_set};
}

/// A segment of stated size must lie within the file. One written live (by a browser's recorder)
/// states no size: then its clusters and their blocks must.
structure check_webm(file_cursor& file) {
    constexpr std::uint64_t segment_id = 0x18538067;
    constexpr std::uint64_t cluster_id = 0x1f43b675;
    bool has_segment = false;
    while (!file.at_end() && !file.failed()) {
        const std::uint64_t id = read_ebml_number(file, true).value;
        const ebml_number size = read_ebml_number(file, false);
        has_segment = has_segment || id == segment_id;
        if (size.unknown && (id == segment_id || id == cluster_id)) {
            continue;  // its children come next
        }
        if (size.unknown) {
            return structure::broken;
        }
        file.skip(size.value);
    }
    return has_segment && !file.failed() ? structure::whole : structure::broken;
}

}  // namespace

structure check_structure(format format, int fd, const structure_limits& limits) {
    file_cursor file(fd);
    switch (format) {
        case format::jpeg:
            return check_jpeg(file, limits);
        case format::png:
            return check_png(file);
        case format::gif:
            return check_gif(file, limits);
        case format::webp:
            return check_webp(file);
        case format::webm:
            return check_webm(file);
        case format::heic:
        case format::avif:
        case format::mp4:
        case format::mov:
            return check_isobmff(format, file, limits);
    }
    std::unreachable();
}

}  // namespace pinhole::media
