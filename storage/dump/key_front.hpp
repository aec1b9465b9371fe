// The front of a key as numbers that compare as its bytes do. It is long enough to tell nearly all
// keys apart without a look at the rest: the part, of which all entries of a global index have the
// same; what is indexed; the time and the beginning of the id. Pure; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "storage/kv/byte_order.hpp"

namespace pinhole::storage::dump {

using key_front = std::array<std::uint64_t, 3>;

/// A shorter key is filled up with zeros.
inline key_front front_of(std::string_view key) {
    std::array<char, sizeof(key_front)> bytes{};
    key.copy(bytes.data(), bytes.size());
    key_front front;
    for (std::size_t at = 0; at < front.size(); ++at) {
        front[at] = kv::load_u64(bytes.data() + at * sizeof front[at]);
    }
    return front;
}

/// The bytes that it was made of. Requires: room for all of them.
inline void store_front(char* to, const key_front& front) {
    for (const std::uint64_t number : front) {
        kv::store_u64(to, number);
        to += sizeof number;
    }
}

}  // namespace pinhole::storage::dump
