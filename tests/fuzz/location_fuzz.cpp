// Taking out of a file where it was taken. Input: the file.
//
// What is accepted is still of its format and no longer than before, cleaning it again changes
// nothing, and no Exif or XMP that another reader finds in a JPEG, PNG or WebP tells a position.
#include <algorithm>

#include "storage/media/location.hpp"
#include "tests/fuzz/exif_block.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/media_file.hpp"

namespace pinhole::fuzz {
namespace {

using namespace std::string_view_literals;
using media::format;

std::size_t big_endian(std::string_view bytes) {
    std::size_t value = 0;
    for (const char byte : bytes) {
        value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
}

std::size_t little_endian(std::string_view bytes) {
    std::string reversed(bytes.rbegin(), bytes.rend());
    return big_endian(reversed);
}

void check_metadata(std::string_view block) {
    constexpr auto prefix = "Exif\0\0"sv;
    require(!tells_a_position(block.starts_with(prefix) ? block.substr(prefix.size()) : block),
            "no Exif tells a position");
}

/// Segments up to the first scan.
void check_jpeg(std::string_view bytes) {
    for (std::size_t at = 2; at + 4 <= bytes.size() && bytes[at] == '\xff';) {
        const auto marker = static_cast<unsigned char>(bytes[at + 1]);
        const std::size_t length = big_endian(bytes.substr(at + 2, 2));
        if (marker < 0xc0 || marker == 0xda || length < 2) {
            return;
        }
        const auto body = bytes.substr(at + 4, length - 2);
        if (marker == 0xe1) {
            check_metadata(body);
            require(!body.starts_with("http://ns.adobe.com/"), "no XMP is left");
        }
        at += 2 + length;
    }
}

void check_png(std::string_view bytes) {
    for (std::size_t at = 8; at + 12 <= bytes.size();) {
        const std::size_t length = big_endian(bytes.substr(at, 4));
        const auto type = bytes.substr(at + 4, 4);
        if (length > bytes.size() - at - 12) {
            return;
        }
        const auto body = bytes.substr(at + 8, length);
        if (type == "eXIf") {
            check_metadata(body);
        }
        require(type != "iTXt" || !body.starts_with("XML:com.adobe.xmp"), "no XMP is left");
        at += 12 + length;
    }
}

void check_webp(std::string_view bytes) {
    for (std::size_t at = 12; at + 8 <= bytes.size();) {
        const auto type = bytes.substr(at, 4);
        const std::size_t length = little_endian(bytes.substr(at + 4, 4));
        if (type == "EXIF") {
            check_metadata(bytes.substr(at + 8, length));
        }
        require(type != "XMP ", "no XMP is left");
        at += 8 + length + length % 2;
    }
}

}  // namespace

void check_input(std::string_view input) {
    const auto claimed = media::sniff(input);
    if (!claimed) {
        return;
    }
    const media_file file(input);
    const auto removed = media::remove_location(file.fd(), *claimed);
    if (!removed) {
        require(!removed.error().message.empty(), "a refusal says why");
        return;
    }
    const std::string kept = file.bytes();
    require(removed->size_bytes == kept.size(), "the size is told");
    require(kept.size() <= input.size(), "nothing grows");
    require(removed->changed == (kept != input), "a change is told");
    const auto again = media::remove_location(file.fd(), *claimed);
    require(again && !again->changed && file.bytes() == kept, "cleaning again changes nothing");
    if (claimed == format::jpeg) {
        check_jpeg(kept);
    } else if (claimed == format::png) {
        check_png(kept);
    } else if (claimed == format::webp) {
        check_webp(kept);
    }
}

}  // namespace pinhole::fuzz
