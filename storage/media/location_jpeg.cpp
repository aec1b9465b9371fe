// JPEG: of the application segments (ITU-T T.81, B.2.4.6) JFIF, Exif (cleaned), ICC profiles and
// Adobe's colour transform stay. All others are zeroed: XMP and its extensions, MPF, IPTC, C2PA,
// and what cameras, phones and action cameras (GoPro's telemetry) put there. Comments stay.
//
// What lies behind the picture's end is cut off: further pictures, gain maps and the videos of
// motion photos have metadata of their own, and no browser shows them.

#include <optional>
#include <string_view>

#include "storage/media/file_cursor.hpp"
#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

constexpr std::uint8_t temporary = 0x01;
constexpr std::uint8_t restart_0 = 0xd0;
constexpr std::uint8_t start_of_image = 0xd8;
constexpr std::uint8_t end_of_image = 0xd9;
constexpr std::uint8_t start_of_scan = 0xda;
constexpr std::uint8_t application_0 = 0xe0;
constexpr std::uint8_t application_15 = 0xef;

/// As structure.cpp walks, and libjpeg: over coded data, fill bytes and stray bytes.
std::optional<std::uint8_t> next_marker(file_cursor& cursor) {
    while (cursor.skip_past(0xff)) {
        std::uint8_t code = 0xff;
        while (code == 0xff && !cursor.failed()) {
            code = cursor.read_8();
        }
        if (code != 0 && !cursor.failed()) {
            return code;
        }
    }
    return std::nullopt;
}

void clean_application_segment(location_file& file, std::uint8_t number, std::uint64_t start,
                               std::uint64_t length) {
    using namespace std::string_view_literals;
    std::vector<std::uint8_t> bytes = file.read(start, length);
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    const bool stays = (number == 0 && text.starts_with("JFIF\0"sv)) ||
                       (number == 2 && text.starts_with("ICC_PROFILE\0"sv)) ||
                       (number == 14 && text.starts_with("Adobe"sv));
    if (number == 1 && text.starts_with("Exif\0\0"sv) && clean_prefixed_exif(bytes)) {
        file.write(start, bytes);
    } else if (!stays) {
        file.zero(start, length);
    }
}

}  // namespace

location_result clean_jpeg(location_file& file) {
    file_cursor cursor(file.fd());
    bool has_scan = false;
    while (const auto marker = next_marker(cursor)) {
        if (*marker == end_of_image && has_scan) {
            file.truncate(cursor.position());
            return {};
        }
        if (*marker == temporary || (*marker >= restart_0 && *marker <= start_of_image)) {
            continue;
        }
        has_scan = has_scan || *marker == start_of_scan;
        const std::uint16_t segment = cursor.read_big_16();
        if (segment < 2 || segment - 2U > cursor.remaining()) {
            break;
        }
        const std::uint64_t start = cursor.position();
        const std::uint64_t length = segment - 2U;
        if (*marker >= application_0 && *marker <= application_15) {
            clean_application_segment(file, *marker - application_0, start, length);
        }
        cursor.skip(length);
    }
    return refuse_as_corrupt("a JPEG without an end");
}

}  // namespace pinhole::media
