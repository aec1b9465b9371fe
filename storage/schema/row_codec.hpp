// The stored form of a row. ON DISK: never change what is written here, only add.
//
//   row    = field*
//   field  = varint(tag) varint(length) bytes[length]
//   bytes  = text                     for a string
//          | zigzag-varint            for an integer, an id, a reference, a time in microseconds
//          | 01                       for a true boolean
//          | (varint(length) row)*    for embedded rows
//
// A field with its default value is not written. Unknown tags are skipped, absent ones keep the
// member's default: rows written by an older or a newer schema stay readable.
// Pure; thread-safe. Errors: `corrupt_row` on bytes that no version ever wrote.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "storage/base/time.hpp"
#include "storage/kv/store.hpp"
#include "storage/schema/schema.hpp"

namespace pinhole::storage {

struct corrupt_row : kv::storage_failure {
    using kv::storage_failure::storage_failure;
};

void append_varint(std::string& out, std::uint64_t value);
/// So many bytes it takes as a varint.
constexpr std::size_t varint_bytes(std::uint64_t value) {
    return (static_cast<std::size_t>(std::bit_width(value | 1U)) + 6) / 7;
}
/// Takes a varint off the front of `in`; nothing if it is cut short or longer than 64 bits.
std::optional<std::uint64_t> take_varint(std::string_view& in);
/// Takes `varint(length) bytes` off the front of `in`.
std::optional<std::string_view> take_bytes(std::string_view& in);

constexpr std::uint64_t to_zigzag(std::int64_t value) {
    return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t from_zigzag(std::uint64_t value) {
    return static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1);
}

template <class Row>
void append_row(std::string& out, const Row& row);
template <class Row>
std::string encode_row(const Row& row);
template <class Row>
Row decode_row(std::string_view bytes);

namespace row_codec_detail {

template <class T>
inline constexpr bool is_vector = false;
template <class T>
inline constexpr bool is_vector<std::vector<T>> = true;

inline void append_bytes(std::string& out, std::string_view bytes) {
    append_varint(out, bytes.size());
    out += bytes;
}

inline void append_integer(std::string& out, std::int64_t value) {
    const std::uint64_t zigzag = to_zigzag(value);
    append_varint(out, varint_bytes(zigzag));
    append_varint(out, zigzag);
}

/// With its length before it.
template <class Value>
void append_value(std::string& out, const Value& value) {
    if constexpr (std::is_same_v<Value, std::string>) {
        append_bytes(out, value);
    } else if constexpr (std::is_same_v<Value, bool>) {
        append_bytes(out, "\x01");
    } else if constexpr (std::is_same_v<Value, std::int64_t>) {
        append_integer(out, value);
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        append_integer(out, to_microseconds(value));
    } else if constexpr (is_reference<Value>) {
        append_integer(out, value.id);
    } else {
        static_assert(is_vector<Value>);
        std::string rows;
        for (const auto& element : value) {
            append_bytes(rows, encode_row(element));
        }
        append_bytes(out, rows);
    }
}

inline std::int64_t parse_integer(std::string_view bytes) {
    const auto value = take_varint(bytes);
    if (!value || !bytes.empty()) {
        throw corrupt_row{"an integer field of a row is damaged"};
    }
    return from_zigzag(*value);
}

template <class Value>
void parse_value(std::string_view bytes, Value& value) {
    if constexpr (std::is_same_v<Value, std::string>) {
        value = bytes;
    } else if constexpr (std::is_same_v<Value, bool>) {
        value = bytes == "\x01";
    } else if constexpr (std::is_same_v<Value, std::int64_t>) {
        value = parse_integer(bytes);
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        value = from_microseconds(parse_integer(bytes));
    } else if constexpr (is_reference<Value>) {
        value.id = parse_integer(bytes);
    } else {
        static_assert(is_vector<Value>);
        while (!bytes.empty()) {
            const auto embedded = take_bytes(bytes);
            if (!embedded) {
                throw corrupt_row{"an embedded row is cut short"};
            }
            value.push_back(decode_row<typename Value::value_type>(*embedded));
        }
    }
}

template <class Value>
bool is_default(const Value& value) {
    if constexpr (std::is_same_v<Value, std::string> || is_vector<Value>) {
        return value.empty();
    } else {
        return value == Value{};
    }
}

}  // namespace row_codec_detail

template <class Row>
void append_row(std::string& out, const Row& row) {
    for_each_stored_field<Row>([&](const auto& f) {
        const auto& value = row.*f.member;
        if (!row_codec_detail::is_default(value)) {
            append_varint(out, f.tag);
            row_codec_detail::append_value(out, value);
        }
    });
}

template <class Row>
std::string encode_row(const Row& row) {
    std::string out;
    append_row(out, row);
    return out;
}

template <class Row>
Row decode_row(std::string_view bytes) {
    Row row;
    while (!bytes.empty()) {
        const auto tag = take_varint(bytes);
        const auto value = tag ? take_bytes(bytes) : std::nullopt;
        if (!value) {
            throw corrupt_row{"a row of " + std::string{schema<Row>::name} + " is cut short"};
        }
        for_each_stored_field<Row>([&](const auto& f) {
            if (f.tag == *tag) {
                row_codec_detail::parse_value(*value, row.*f.member);
            }
        });
    }
    return row;
}

}  // namespace pinhole::storage
