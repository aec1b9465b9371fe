// PNG specification, section 5: chunks up to IEND. Texts and the colour profile are inflated here
// first, into nothing, to see how large they are.

#include <zlib.h>

#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <string_view>

#include "storage/media/structure.hpp"

namespace pinhole::media {
namespace {

constexpr std::uint32_t chunk_type(std::string_view name) {
    std::uint32_t value = 0;
    for (const char c : name) {
        value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
}

/// How many bytes come out of the next `size` bytes of the file; stops beyond `bytes_max`. Damage
/// ends it: the decoder leaves such a chunk out.
std::uint64_t inflated_bytes(file_cursor& file, std::uint64_t size, std::uint64_t bytes_max) {
    z_stream stream{};
    if (inflateInit(&stream) != Z_OK) {
        throw std::bad_alloc();
    }
    std::array<std::uint8_t, 4096> in;
    std::array<std::uint8_t, 32 * 1024> out;
    std::uint64_t bytes = 0;
    int result = Z_OK;
    while (result == Z_OK && bytes <= bytes_max && !file.failed()) {
        if (stream.avail_in == 0) {
            const std::size_t part = std::min<std::uint64_t>(size, in.size());
            file.read(std::span(in).first(part));
            size -= part;
            stream.next_in = in.data();
            stream.avail_in = static_cast<uInt>(part);
        }
        stream.next_out = out.data();
        stream.avail_out = out.size();
        result = inflate(&stream, Z_NO_FLUSH);  // without input it says Z_BUF_ERROR
        bytes += out.size() - stream.avail_out;
    }
    inflateEnd(&stream);
    return bytes;
}

/// Moves behind the next zero byte before `end`, or to `end`.
void skip_string(file_cursor& file, std::uint64_t end) {
    while (file.position() < end && file.read_8() != 0) {
    }
}

/// Inflated size of the text or profile whose body lies from here to `end` (PNG 11.3).
std::uint64_t text_bytes(file_cursor& file, std::uint32_t type, std::uint64_t end,
                         std::uint64_t bytes_max) {
    const std::uint64_t stored = end - file.position();
    if (type == chunk_type("tEXt")) {
        return stored;
    }
    skip_string(file, end);  // the keyword
    bool compressed = true;
    if (type == chunk_type("iTXt")) {
        compressed = file.position() < end && file.read_8() != 0;
    }
    if (!compressed || file.position() >= end) {
        return stored;
    }
    file.skip(1);  // the method
    if (type == chunk_type("iTXt")) {
        skip_string(file, end);  // the language
        skip_string(file, end);  // the keyword in that language
    }
    return stored + inflated_bytes(file, end - file.position(), bytes_max);
}

bool is_text(std::uint32_t type) {
    static constexpr std::array types{chunk_type("tEXt"), chunk_type("zTXt"), chunk_type("iTXt"),
                                      chunk_type("iCCP")};
    return std::ranges::find(types, type) != types.end();
}

}  // namespace

structure check_png(file_cursor& file, const structure_limits& limits) {
    file.skip(8);
    std::uint32_t texts = 0;
    std::uint64_t bytes = 0;
    while (!file.failed()) {
        const std::uint64_t length = file.read_big_32();
        const std::uint32_t type = file.read_big_32();
        const std::uint64_t start = file.position();
        file.skip(length + 4);  // and its CRC, which the decoder checks
        if (file.failed()) {
            break;
        }
        const std::uint64_t next = file.position();
        if (is_text(type)) {
            file.seek(start);
            bytes += text_bytes(file, type, start + length, limits.png_text_bytes_max);
            if (++texts > limits.png_text_chunks_max || bytes > limits.png_text_bytes_max) {
                return structure::excessive;
            }
            file.seek(next);
        }
        if (type == chunk_type("IEND")) {
            return structure::whole;
        }
    }
    return structure::broken;
}

}  // namespace pinhole::media
