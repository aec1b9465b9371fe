// What is kept of a fixture's object between the passes of a conversion: a row as far as it is
// known, what it refers to by Django's primary keys, and where it came from; as bytes for a sorter.
// Beside it the keys that these are sorted and looked up by.
//
// Pure; thread-safe.
#pragma once

#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "storage/dump/mapped_table.hpp"
#include "storage/kv/key_codec.hpp"
#include "storage/schema/entities.hpp"
#include "storage/schema/row_codec.hpp"

namespace pinhole::storage::django {

/// A hash of a primary key's text: numbers, UUIDs and texts alike, at one length.
using pk_key = std::array<std::uint8_t, 16>;

inline pk_key key_of(std::string_view pk) {
    pk_key key{};
    crypto_generichash(key.data(), key.size(), reinterpret_cast<const unsigned char*>(pk.data()),
                       pk.size(), nullptr, 0);
    return key;
}
inline std::string_view bytes_of(const pk_key& key) {
    return {reinterpret_cast<const char*>(key.data()), key.size()};
}

/// Requires: what `bytes_of` gave.
inline pk_key key_from(std::string_view bytes) {
    pk_key key{};
    bytes.copy(reinterpret_cast<char*>(key.data()), key.size());
    return key;
}

/// A primary key that is a whole number.
inline std::optional<std::int64_t> parse_number(std::string_view pk) {
    std::int64_t number = 0;
    const auto [end, ec] = std::from_chars(pk.data(), pk.data() + pk.size(), number);
    return ec == std::errc{} && end == pk.data() + pk.size() && !pk.empty() ? std::optional{number}
                                                                            : std::nullopt;
}

/// In the order of primary keys: numbers by their value, before texts.
inline void append_pk(kv::key_writer& out, std::string_view pk) {
    constexpr std::size_t text_bytes_max = 255;
    if (const auto number = parse_number(pk)) {
        out.append_u8(0).append_i64(*number);
    } else {
        out.append_u8(1).append_string(pk.substr(0, text_bytes_max));
    }
}

/// The order in which rows were made.
inline std::string order_of(timestamp created_at, std::string_view pk) {
    kv::key_writer out;
    out.append_i64(to_microseconds(created_at));
    append_pk(out, pk);
    return out.take();
}

template <class Row>
struct staged {
    std::uint64_t line = 0;
    std::string pk = {};
    // Primary keys; once they are known to lead somewhere, the bytes of the targets' `pk_key`.
    std::string parent = {};  ///< a file's, comment's or like's post
    std::string person = {};  ///< its author or user; or his profile, as the map says
    std::string path = {};    ///< of a file
    bool is_of_post = false;  ///< a file that is a field of its post, not an object of its own
    Row row = {};
};

inline void append_bytes(std::string& out, std::string_view bytes) {
    append_varint(out, bytes.size());
    out += bytes;
}

template <class Row>
std::string encode_staged(const staged<Row>& object) {
    std::string out;
    append_varint(out, object.line);
    append_varint(out, object.is_of_post ? 1 : 0);
    append_bytes(out, object.pk);
    append_bytes(out, object.parent);
    append_bytes(out, object.person);
    append_bytes(out, object.path);
    return out += encode_row(object.row);
}

/// Requires: bytes that `encode_staged` made.
template <class Row>
staged<Row> decode_staged(std::string_view bytes) {
    staged<Row> object;
    object.line = take_varint(bytes).value();
    object.is_of_post = take_varint(bytes).value() != 0;
    object.pk = take_bytes(bytes).value();
    object.parent = take_bytes(bytes).value();
    object.person = take_bytes(bytes).value();
    object.path = take_bytes(bytes).value();
    object.row = decode_row<Row>(bytes);
    return object;
}

/// What is looked up by a primary key, in a mapped file as dump/mapped_table.hpp explains.
template <class Value>
class key_table {
    static_assert(std::is_trivially_copyable_v<Value>);

public:
    explicit key_table(const std::filesystem::path& directory) : file_(directory) {}

    /// Requires: a key above all that are there.
    void append(const pk_key& key, const Value& value) {
        file_.reserve((count_ + 1) * sizeof(entry));
        static_cast<entry*>(file_.data())[count_++] = {key, value};
    }

    /// Valid until the next `append`.
    Value* find(const pk_key& key) {
        const std::span all{static_cast<entry*>(file_.data()), count_};
        const auto at = std::ranges::lower_bound(all, key, {}, &entry::key);
        return at != all.end() && at->key == key ? &at->value : nullptr;
    }

private:
    struct entry {
        pk_key key;
        Value value;
    };
    dump::mapped_file file_;
    std::size_t count_ = 0;
};

/// Ids in the order in which rows were made: by the time, as the server's own (base/id.hpp), from a
/// shard that no server has. Rows from before the epoch, and more in a millisecond than it has ids
/// for, take the next that are free.
class time_ids {
public:
    entity_id next(timestamp created_at) {
        using std::chrono::floor;
        using std::chrono::milliseconds;
        const std::int64_t ms =
            floor<milliseconds>(created_at).time_since_epoch().count() - id_epoch_ms;
        if (ms > last_ms_) {
            last_ms_ = ms;
            sequence_ = 0;
        } else if (sequence_ == std::int64_t{1} << id_sequence_bits) {
            ++last_ms_;
            sequence_ = 0;
        }
        constexpr std::int64_t shard = (std::int64_t{1} << id_shard_bits) - 1;
        return (last_ms_ << (id_shard_bits + id_sequence_bits)) | (shard << id_sequence_bits) |
               sequence_++;
    }

private:
    std::int64_t last_ms_ = 0;
    std::int64_t sequence_ = 0;
};

}  // namespace pinhole::storage::django
