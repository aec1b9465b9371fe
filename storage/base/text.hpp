// UTF-8 and small text encodings. Pure functions; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pinhole::storage {

/// The number of Unicode code points, or nothing if this is not valid UTF-8 (overlong forms,
/// surrogates and values above U+10FFFF are refused: RFC 3629).
std::optional<std::size_t> count_code_points(std::string_view utf8);

/// URL-safe base64 without padding (RFC 4648, section 5).
std::string to_base64url(std::span<const std::uint8_t> bytes);
std::optional<std::string> parse_base64url(std::string_view text);

std::string to_hex(std::span<const std::uint8_t> bytes);

inline std::span<const std::uint8_t> as_octets(std::string_view bytes) {
    return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

}  // namespace pinhole::storage
