#include "storage/media/sniff.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace pinhole::media {
namespace {

using namespace std::string_view_literals;

struct format_names {
    media::format format;
    bool image;
    std::string_view content_type;
    std::string_view extension;
};

constexpr std::array names{
    format_names{format::jpeg, true, "image/jpeg", "jpg"},
    format_names{format::png, true, "image/png", "png"},
    format_names{format::gif, true, "image/gif", "gif"},
    format_names{format::webp, true, "image/webp", "webp"},
    format_names{format::heic, true, "image/heic", "heic"},
    format_names{format::avif, true, "image/avif", "avif"},
    format_names{format::mp4, false, "video/mp4", "mp4"},
    format_names{format::mov, false, "video/quicktime", "mov"},
    format_names{format::webm, false, "video/webm", "webm"},
};

const format_names& names_of(format wanted) {
    return *std::ranges::find(names, wanted, &format_names::format);
}

std::uint32_t big_endian_32(std::string_view bytes) {
    std::uint32_t value = 0;
    for (const char byte : bytes.substr(0, 4)) {
        value = value << 8 | static_cast<unsigned char>(byte);
    }
    return value;
}

/// Brands of ISO/IEC 14496-12 `ftyp` boxes, as registered at mp4ra.org. `mif1` and `msf1` say only
/// "a HEIF file": the compatible brands then name the codec.
constexpr std::array heic_brands{"heic"sv, "heix"sv, "heim"sv, "heis"sv,
                                 "hevc"sv, "hevx"sv, "hevm"sv, "hevs"sv};
constexpr std::array avif_brands{"avif"sv, "avis"sv};
constexpr std::array heif_brands{"mif1"sv, "mif2"sv, "msf1"sv, "miaf"sv};
constexpr std::array mp4_brands{"isom"sv, "iso2"sv, "iso3"sv, "iso4"sv, "iso5"sv, "iso6"sv,
                                "iso7"sv, "iso8"sv, "iso9"sv, "mp41"sv, "mp42"sv, "mp71"sv,
                                "avc1"sv, "hvc1"sv, "av01"sv, "M4V "sv, "M4VH"sv, "M4VP"sv,
                                "MSNV"sv, "dash"sv, "XAVC"sv};
/// ISO files that list brands of ours but are something else: audio, Canon raw photos.
constexpr std::array foreign_brands{"M4A "sv, "M4B "sv, "M4P "sv, "crx "sv};

bool contains(std::span<const std::string_view> brands, std::string_view brand) {
    return std::ranges::find(brands, brand) != brands.end();
}

std::optional<format> format_of_brand(std::string_view brand) {
    if (contains(avif_brands, brand)) {
        return format::avif;
    }
    if (contains(heic_brands, brand)) {
        return format::heic;
    }
    if (brand == "qt  ") {
        return format::mov;
    }
    if (contains(mp4_brands, brand)) {
        return format::mp4;
    }
    return std::nullopt;
}

/// The major brand decides where it is known, else the first compatible brand that is.
std::optional<format> sniff_brands(std::string_view box) {
    const std::size_t size = std::min<std::size_t>(big_endian_32(box), box.size());
    if (size < 16) {
        return std::nullopt;
    }
    const std::string_view major = box.substr(8, 4);
    if (contains(foreign_brands, major)) {
        return std::nullopt;
    }
    if (const auto found = format_of_brand(major)) {
        return found;
    }
    for (std::size_t at = 16; at + 4 <= size; at += 4) {
        if (const auto found = format_of_brand(box.substr(at, 4))) {
            return found;
        }
    }
    return contains(heif_brands, major) ? std::optional(format::heic) : std::nullopt;
}

/// QuickTime from before `ftyp` existed starts with any of these boxes.
bool is_old_quicktime(std::string_view bytes) {
    constexpr std::array boxes{"moov"sv, "mdat"sv, "wide"sv};
    return contains(boxes, bytes.substr(4, 4)) && bytes.substr(0, 2) != "BM"sv;
}

/// An EBML number: the position of the first set bit tells its length (RFC 8794, section 4).
std::optional<std::uint64_t> take_ebml_number(std::string_view& bytes, bool keep_marker) {
    if (bytes.empty() || bytes[0] == '\0') {
        return std::nullopt;
    }
    const auto first = static_cast<unsigned char>(bytes[0]);
    const auto length = static_cast<std::size_t>(std::countl_zero(first)) + 1;
    if (bytes.size() < length) {
        return std::nullopt;
    }
    std::uint64_t value = keep_marker ? first : first & ((0x80U >> (length - 1)) - 1);
    for (std::size_t i = 1; i < length; ++i) {
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    bytes.remove_prefix(length);
    return value;
}

/// WebM is Matroska whose header says DocType "webm".
bool is_webm(std::string_view bytes) {
    constexpr std::uint64_t doc_type_id = 0x4282;
    bytes.remove_prefix(4);
    const auto header_bytes = take_ebml_number(bytes, false);
    if (!header_bytes) {
        return false;
    }
    bytes = bytes.substr(0, *header_bytes);
    while (!bytes.empty()) {
        const auto id = take_ebml_number(bytes, true);
        const auto size = take_ebml_number(bytes, false);
        if (!id || !size || *size > bytes.size()) {
            return false;
        }
        if (*id == doc_type_id) {
            return bytes.substr(0, *size) == "webm";
        }
        bytes.remove_prefix(*size);
    }
    return false;
}

}  // namespace

std::optional<format> sniff(std::string_view bytes) {
    bytes = bytes.substr(0, sniff_bytes_max);
    if (bytes.starts_with("\xff\xd8\xff"sv)) {
        return format::jpeg;
    }
    if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) {
        return format::png;
    }
    if (bytes.starts_with("GIF87a"sv) || bytes.starts_with("GIF89a"sv)) {
        return format::gif;
    }
    if (bytes.size() < 12) {
        return std::nullopt;
    }
    if (bytes.starts_with("RIFF"sv) && bytes.substr(8, 4) == "WEBP"sv) {
        return format::webp;
    }
    if (bytes.substr(4, 4) == "ftyp"sv) {
        return sniff_brands(bytes);
    }
    if (is_old_quicktime(bytes)) {
        return format::mov;
    }
    if (bytes.starts_with("\x1a\x45\xdf\xa3"sv) && is_webm(bytes)) {
        return format::webm;
    }
    return std::nullopt;
}

std::optional<format> sniff(std::span<const std::byte> first_bytes) {
    return sniff(
        std::string_view(reinterpret_cast<const char*>(first_bytes.data()), first_bytes.size()));
}

bool is_image(format format) {
    return names_of(format).image;
}
bool is_video(format format) {
    return !names_of(format).image;
}
std::string_view content_type(format format) {
    return names_of(format).content_type;
}
std::string_view extension(format format) {
    return names_of(format).extension;
}

std::optional<std::string_view> content_type_of_extension(std::string_view extension) {
    const auto* const found = std::ranges::find(names, extension, &format_names::extension);
    return found == names.end() ? std::nullopt : std::optional(found->content_type);
}

const std::string& accepted_content_types() {
    static const std::string all = [] {
        std::string list;
        for (const format_names& each : names) {
            list += list.empty() ? "" : ", ";
            list += each.content_type;
        }
        return list;
    }();
    return all;
}

}  // namespace pinhole::media
