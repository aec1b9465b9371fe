// What stands on disk in the RocksDB backend. Never renumber, never change.
//
//   column family   decimal family id "." family name ("3.posts"); "default" stays empty
//   key             part bytes
//   part            8 bytes big-endian, sign bit flipped (so parts sort as numbers)
//   row             stamp payload
//   stamp           8 bytes big-endian
//   posting         one byte, so that what is there never looks like what is not
//   sum             8 bytes big-endian, two's complement (families of kind `counters`)
//
// Thread-safety: values and pure functions. Nothing blocks.
#pragma once

#include <rocksdb/slice.h>

#include <array>
#include <cassert>
#include <stdexcept>
#include <string>
#include <string_view>

#include "storage/kv/byte_order.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

inline constexpr std::size_t part_bytes = 8;
inline constexpr std::size_t stamp_bytes = 8;
inline constexpr std::size_t sum_bytes = 8;

/// A key as RocksDB has it, built on the stack: a point read allocates nothing for it.
class physical_key {
public:
    physical_key(part_id part, std::string_view bytes) : bytes_(part_bytes + bytes.size()) {
        if (bytes.size() > key_bytes_max) {
            // A caller's error, but one that would write past the buffer: never only an assertion.
            throw std::length_error("a key is longer than the store takes");
        }
        store_u64(buffer_.data(), to_ordered(part));
        bytes.copy(buffer_.data() + part_bytes, bytes.size());
    }
    explicit physical_key(const key& key) : physical_key(key.part, key.bytes) {}

    rocksdb::Slice slice() const { return {buffer_.data(), bytes_}; }

private:
    std::size_t bytes_;
    std::array<char, part_bytes + key_bytes_max> buffer_;
};

/// "3.posts". The number is what counts; the name makes RocksDB's own messages readable.
std::string to_column_family_name(const family_spec& family);

/// What stands at each key of a family of kind `postings`.
inline constexpr std::string_view posting_value{"\x01"};

/// Errors: throws storage_failure when the value is too short to be a row.
stamp to_stamp(std::string_view family, rocksdb::Slice value);
value_with_stamp to_row_value(std::string_view family, rocksdb::Slice value);

std::string encode_sum(std::int64_t sum);
/// Errors: throws storage_failure when the value is no sum.
std::int64_t to_sum(std::string_view family, rocksdb::Slice value);

}  // namespace pinhole::kv
