#include "storage/schema/row_codec.hpp"

#include <array>

namespace pinhole::storage {

namespace {

constexpr std::size_t varint_bytes_max = 10;

}  // namespace

void append_varint(std::string& out, std::uint64_t value) {
    std::array<char, varint_bytes_max> bytes;
    std::size_t length = 0;
    while (value >= 0x80) {
        bytes[length++] = static_cast<char>((value & 0x7F) | 0x80);
        value >>= 7;
    }
    bytes[length++] = static_cast<char>(value);
    out.append(bytes.data(), length);
}

std::optional<std::uint64_t> take_varint(std::string_view& in) {
    std::uint64_t value = 0;
    for (std::size_t at = 0; at < in.size() && at < varint_bytes_max; ++at) {
        const auto byte = static_cast<unsigned char>(in[at]);
        if (at == varint_bytes_max - 1 && byte > 1) {
            return std::nullopt;
        }
        value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * at);
        if (byte < 0x80) {
            in.remove_prefix(at + 1);
            return value;
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> take_bytes(std::string_view& in) {
    const auto length = take_varint(in);
    if (!length || *length > in.size()) {
        return std::nullopt;
    }
    const std::string_view bytes = in.substr(0, *length);
    in.remove_prefix(*length);
    return bytes;
}

}  // namespace pinhole::storage
