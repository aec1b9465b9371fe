#include "storage/kv/key_codec.hpp"

#include <utility>

#include "storage/kv/byte_order.hpp"

namespace pinhole::kv {
namespace {

constexpr char escape = '\x00';
constexpr char escaped_zero = '\xff';
constexpr char terminator = '\x01';

/// XORed onto every byte: nothing for ascending, everything for descending.
constexpr unsigned char ascending = 0x00;
constexpr unsigned char descending = 0xff;

constexpr char flip(char byte, unsigned char mask) {
    return static_cast<char>(static_cast<unsigned char>(byte) ^ mask);
}

void append_u64(std::string& to, std::uint64_t value) {
    char bytes[sizeof(value)];
    store_u64(bytes, value);
    to.append(bytes, sizeof(bytes));
}

void append_escaped(std::string& to, std::string_view value, unsigned char mask) {
    to.reserve(to.size() + value.size() + 2);
    for (const char byte : value) {
        to.push_back(flip(byte, mask));
        if (byte == escape) {
            to.push_back(flip(escaped_zero, mask));
        }
    }
    to.push_back(flip(escape, mask));
    to.push_back(flip(terminator, mask));
}

std::optional<std::uint64_t> take_u64(std::string_view& from) {
    if (from.size() < sizeof(std::uint64_t)) {
        return std::nullopt;
    }
    const auto value = load_u64(from.data());
    from.remove_prefix(sizeof(std::uint64_t));
    return value;
}

std::optional<std::string> take_escaped(std::string_view& from, unsigned char mask) {
    std::string value;
    for (std::size_t at = 0; at < from.size(); ++at) {
        const char byte = flip(from[at], mask);
        if (byte != escape) {
            value.push_back(byte);
            continue;
        }
        if (++at == from.size()) {
            return std::nullopt;
        }
        const char meaning = flip(from[at], mask);
        if (meaning == terminator) {
            from.remove_prefix(at + 1);
            return value;
        }
        if (meaning != escaped_zero) {
            return std::nullopt;
        }
        value.push_back(escape);
    }
    return std::nullopt;
}

}  // namespace

key_writer& key_writer::append_u8(std::uint8_t value) {
    bytes_.push_back(static_cast<char>(value));
    return *this;
}

key_writer& key_writer::append_i64(std::int64_t value) {
    append_u64(bytes_, to_ordered(value));
    return *this;
}

key_writer& key_writer::append_i64_descending(std::int64_t value) {
    append_u64(bytes_, ~to_ordered(value));
    return *this;
}

key_writer& key_writer::append_string(std::string_view value) {
    append_escaped(bytes_, value, ascending);
    return *this;
}

key_writer& key_writer::append_string_descending(std::string_view value) {
    append_escaped(bytes_, value, descending);
    return *this;
}

std::string key_writer::take() {
    return std::exchange(bytes_, {});
}

std::optional<std::uint8_t> key_reader::read_u8() {
    if (rest_.empty()) {
        return std::nullopt;
    }
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
}

std::optional<std::int64_t> key_reader::read_i64() {
    const auto value = take_u64(rest_);
    return value ? std::optional(from_ordered(*value)) : std::nullopt;
}

std::optional<std::int64_t> key_reader::read_i64_descending() {
    const auto value = take_u64(rest_);
    return value ? std::optional(from_ordered(~*value)) : std::nullopt;
}

std::optional<std::string> key_reader::read_string() {
    return take_escaped(rest_, ascending);
}

std::optional<std::string> key_reader::read_string_descending() {
    return take_escaped(rest_, descending);
}

std::string prefix_end(std::string prefix) {
    while (!prefix.empty() && prefix.back() == '\xff') {
        prefix.pop_back();
    }
    if (!prefix.empty()) {
        prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
    }
    return prefix;
}

}  // namespace pinhole::kv
