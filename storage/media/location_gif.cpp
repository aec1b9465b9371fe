// GIF: of the application extensions those for loops and colour profiles stay; all others (XMP
// among them) keep their place and length, with nothing in them. Comments stay. What lies behind
// the trailer is cut off. Source: GIF89a specification, sections 15 to 27.

#include <algorithm>
#include <array>
#include <string_view>

#include "storage/media/file_cursor.hpp"
#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

using namespace std::string_view_literals;

constexpr std::uint8_t extension_introducer = 0x21;
constexpr std::uint8_t image_introducer = 0x2c;
constexpr std::uint8_t trailer = 0x3b;
constexpr std::uint8_t plain_text = 0x01;
constexpr std::uint8_t graphic_control = 0xf9;
constexpr std::uint8_t comment = 0xfe;
constexpr std::uint8_t application = 0xff;
constexpr std::array kept_applications{"NETSCAPE2.0"sv, "ANIMEXTS1.0"sv, "ICCRGBG1012"sv};
constexpr std::size_t application_name_bytes = 11;

void skip_color_table(file_cursor& cursor, std::uint8_t flags) {
    if ((flags & 0x80) != 0) {
        cursor.skip(3ULL << ((flags & 7) + 1));
    }
}

void skip_sub_blocks(file_cursor& cursor) {
    while (const std::uint8_t length = cursor.read_8()) {
        cursor.skip(length);
    }
}

/// Fills [start, end) with sub-blocks of zeros. Not the old ones emptied: XMP is written as plain
/// text that only looks like sub-blocks, whose lengths are letters of it.
void write_empty_sub_blocks(location_file& file, std::uint64_t start, std::uint64_t end) {
    constexpr std::uint64_t block_bytes = 256;
    while (start < end && !file.excessive()) {
        const std::uint64_t left = end - start;
        // Never leave one byte over: it would be the end of the extension.
        const std::uint64_t size =
            left == block_bytes + 1 ? block_bytes - 1 : std::min(left, block_bytes);
        const std::array<std::uint8_t, 1> length{static_cast<std::uint8_t>(size - 1)};
        file.write(start, length);
        file.zero(start + 1, size - 1);
        start += size;
    }
}

void clean_extension(location_file& file, file_cursor& cursor) {
    const std::uint8_t label = cursor.read_8();
    const std::uint64_t start = cursor.position();
    bool is_named = false;
    bool stays = label == plain_text || label == graphic_control || label == comment;
    if (label == application && cursor.read_8() == application_name_bytes) {
        is_named = true;
        std::array<char, application_name_bytes> name;
        for (char& letter : name) {
            letter = static_cast<char>(cursor.read_8());
        }
        stays = std::ranges::find(kept_applications, std::string_view(name.data(), name.size())) !=
                kept_applications.end();
    }
    if (cursor.failed()) {
        return;
    }
    cursor.seek(start);
    skip_sub_blocks(cursor);
    if (stays || cursor.failed()) {
        return;
    }
    const std::uint64_t end = cursor.position() - 1;
    const std::uint64_t data = start + 1 + application_name_bytes;
    if (is_named && data <= end) {
        static constexpr std::array<std::uint8_t, application_name_bytes> nobody{
            ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '};
        file.write(start + 1, nobody);
        write_empty_sub_blocks(file, data, end);
    } else {
        write_empty_sub_blocks(file, start, end);
    }
}

}  // namespace

location_result clean_gif(location_file& file) {
    file_cursor cursor(file.fd());
    cursor.skip(10);
    const std::uint8_t screen_flags = cursor.read_8();
    cursor.skip(2);
    skip_color_table(cursor, screen_flags);
    while (!cursor.failed() && !file.excessive()) {
        const std::uint8_t introducer = cursor.read_8();
        if (introducer == trailer && !cursor.failed()) {
            file.truncate(cursor.position());
            return {};
        }
        if (introducer == extension_introducer) {
            clean_extension(file, cursor);
        } else if (introducer == image_introducer) {
            cursor.skip(8);
            skip_color_table(cursor, cursor.read_8());
            cursor.skip(1);
            skip_sub_blocks(cursor);
        } else {
            break;
        }
    }
    return refuse_as_corrupt("a GIF without an end");
}

}  // namespace pinhole::media
