// Integers as big-endian bytes, the order in which memcmp compares them as numbers.
//
// A signed number has its sign bit flipped, so that negative ones sort before positive ones.
// Thread-safety: pure functions.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace pinhole::kv {

/// Writes 8 bytes to `to`.
inline void store_u64(char* to, std::uint64_t value) {
    if constexpr (std::endian::native == std::endian::little) {
        value = std::byteswap(value);
    }
    std::memcpy(to, &value, sizeof(value));
}

/// Reads 8 bytes from `from`.
inline std::uint64_t load_u64(const char* from) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, sizeof(value));
    if constexpr (std::endian::native == std::endian::little) {
        value = std::byteswap(value);
    }
    return value;
}

inline constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63U;

/// The unsigned number that sorts among its like as `value` does among signed ones.
constexpr std::uint64_t to_ordered(std::int64_t value) {
    return static_cast<std::uint64_t>(value) ^ sign_bit;
}

constexpr std::int64_t from_ordered(std::uint64_t value) {
    return static_cast<std::int64_t>(value ^ sign_bit);
}

}  // namespace pinhole::kv
