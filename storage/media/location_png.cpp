// PNG: chunks that decode and show the picture stay, and the time; `eXIf` is cleaned; texts stay
// under the keywords that the specification registers for people to write (11.3.3.1). Any other
// chunk becomes a private, ignored one of zeros: XMP, "Raw profile type exif", C2PA, whatever an
// editor made up. What lies behind IEND is cut off.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "storage/media/file_cursor.hpp"
#include "storage/media/location_steps.hpp"

namespace pinhole::media {
namespace {

using namespace std::string_view_literals;

constexpr std::array shown_chunks{"IHDR"sv, "PLTE"sv, "IDAT"sv, "tRNS"sv, "cHRM"sv, "gAMA"sv,
                                  "iCCP"sv, "sBIT"sv, "sRGB"sv, "cICP"sv, "mDCv"sv, "mDCV"sv,
                                  "cLLi"sv, "cLLI"sv, "bKGD"sv, "hIST"sv, "pHYs"sv, "sPLT"sv,
                                  "tIME"sv, "acTL"sv, "fcTL"sv, "fdAT"sv};
constexpr std::array text_chunks{"tEXt"sv, "zTXt"sv, "iTXt"sv};
constexpr std::array keywords{"Title"sv,         "Author"sv,   "Description"sv, "Copyright"sv,
                              "Creation Time"sv, "Software"sv, "Disclaimer"sv,  "Warning"sv,
                              "Source"sv,        "Comment"sv};
/// Ancillary, private, and nothing to worry about for who copies the file.
constexpr char ignored_chunk[] = "voId";

struct chunk {
    std::string_view type;
    std::uint64_t start;  ///< of the data, behind length and type
    std::uint64_t length;
};

void write_checksum(location_file& file, const chunk& chunk, uLong checksum) {
    const std::array<std::uint8_t, 4> bytes{static_cast<std::uint8_t>(checksum >> 24 & 0xff),
                                            static_cast<std::uint8_t>(checksum >> 16 & 0xff),
                                            static_cast<std::uint8_t>(checksum >> 8 & 0xff),
                                            static_cast<std::uint8_t>(checksum & 0xff)};
    file.write(chunk.start + chunk.length, bytes);
}

uLong checksum_of_type(const char* type) {
    return crc32(0, reinterpret_cast<const Bytef*>(type), 4);
}

void make_ignored(location_file& file, const chunk& chunk) {
    static constexpr std::array<Bytef, 4096> zeros{};
    file.write(chunk.start - 4, ignored_chunk);
    file.zero(chunk.start, chunk.length);
    uLong checksum = checksum_of_type(ignored_chunk);
    for (std::uint64_t left = chunk.length; left > 0 && !file.excessive();) {
        const std::uint64_t size = std::min<std::uint64_t>(left, zeros.size());
        checksum = crc32(checksum, zeros.data(), static_cast<uInt>(size));
        left -= size;
    }
    write_checksum(file, chunk, checksum);
}

void clean_exif_chunk(location_file& file, const chunk& chunk) {
    if (chunk.length > exif_bytes_max) {
        return make_ignored(file, chunk);
    }
    const std::vector<std::uint8_t> before = file.read(chunk.start, chunk.length);
    std::vector<std::uint8_t> after = before;
    if (!clean_prefixed_exif(after)) {
        return make_ignored(file, chunk);
    }
    if (after != before) {
        file.write(chunk.start, after);
        const auto size = static_cast<uInt>(after.size());
        write_checksum(file, chunk, crc32(checksum_of_type("eXIf"), after.data(), size));
    }
}

bool is_plain_text(location_file& file, const chunk& chunk) {
    constexpr std::uint64_t keyword_bytes_max = 79;
    const auto bytes = file.read(chunk.start, std::min(chunk.length, keyword_bytes_max + 1));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return std::ranges::find(keywords, text.substr(0, text.find('\0'))) != keywords.end();
}

void clean_chunk(location_file& file, const chunk& chunk) {
    const bool is_text = std::ranges::find(text_chunks, chunk.type) != text_chunks.end();
    if (chunk.type == "eXIf") {
        clean_exif_chunk(file, chunk);
    } else if (std::ranges::find(shown_chunks, chunk.type) == shown_chunks.end() &&
               !(is_text && is_plain_text(file, chunk))) {
        make_ignored(file, chunk);
    }
}

}  // namespace

location_result clean_png(location_file& file) {
    file_cursor cursor(file.fd());
    cursor.skip(8);
    while (!cursor.failed() && !file.excessive()) {
        const std::uint64_t length = cursor.read_big_32();
        std::array<char, 4> type;
        for (char& letter : type) {
            letter = static_cast<char>(cursor.read_8());
        }
        const std::uint64_t start = cursor.position();
        cursor.skip(length + 4);
        const std::string_view name(type.data(), type.size());
        if (cursor.failed()) {
            break;
        }
        if (name == "IEND") {
            file.truncate(cursor.position());
            return {};
        }
        clean_chunk(file, {.type = name, .start = start, .length = length});
    }
    return refuse_as_corrupt("a PNG without an end");
}

}  // namespace pinhole::media
