// Compares two multisets without keeping them: what should be there and what is there is hashed and
// added up in buckets, so that equal sums mean equal contents (but for a chance of 2^-64), and a
// difference is narrowed down to a bucket. Order does not matter, memory is constant.
//
// Not on disk. For one thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "storage/base/id.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage {

/// Spreads what differs in a few bits over all of them (the finaliser of SplitMix64).
constexpr std::uint64_t spread_bits(std::uint64_t value) {
    value += 0x9E37'79B9'7F4A'7C15U;
    value = (value ^ (value >> 30)) * 0xBF58'476D'1CE4'E5B9U;
    value = (value ^ (value >> 27)) * 0x94D0'49BB'1331'11EBU;
    return value ^ (value >> 31);
}

inline std::uint64_t hash_of(entity_id id) {
    return spread_bits(static_cast<std::uint64_t>(id));
}
inline std::uint64_t hash_of(std::string_view bytes) {
    return spread_bits(std::hash<std::string_view>{}(bytes));
}
inline std::uint64_t hash_of(const kv::key& key) {
    return spread_bits(std::hash<std::string_view>{}(key.bytes) ^ hash_of(key.part) ^ key.family);
}

class bucket_sums {
public:
    static constexpr std::size_t buckets = 4096;

    /// `where` picks the bucket: the hash of what the difference is to be found by.
    void add_due(std::uint64_t where, std::uint64_t what) { due_[bucket_of(where)] += what; }
    void add_seen(std::uint64_t where, std::uint64_t what) { seen_[bucket_of(where)] += what; }

    static std::size_t bucket_of(std::uint64_t where) { return where % buckets; }
    bool bucket_differs(std::size_t bucket) const { return due_[bucket] != seen_[bucket]; }
    bool differs(std::uint64_t where) const { return bucket_differs(bucket_of(where)); }
    bool differs() const { return due_ != seen_; }

private:
    std::array<std::uint64_t, buckets> due_{};
    std::array<std::uint64_t, buckets> seen_{};
};

}  // namespace pinhole::storage
