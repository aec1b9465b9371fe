#include "storage/kv/key_codec.hpp"

#include <utility>

#include "storage/kv/byte_order.hpp"

namespace pinhole::kv {
namespace {

constexpr char escape = '\x00';
constexpr char escaped_zero = '\xff';
constexpr char terminator = '\x01';

/// Most keys are no longer: one allocation is enough for them.
constexpr std::size_t usual_key_bytes = 48;

void append_u64(std::string& to, std::uint64_t value) {
    char bytes[sizeof(value)];
    store_u64(bytes, value);
    to.append(bytes, sizeof(bytes));
}

std::optional<std::uint64_t> take_u64(std::string_view& from) {
    if (from.size() < sizeof(std::uint64_t)) {
        return std::nullopt;
    }
    const auto value = load_u64(from.data());
    from.remove_prefix(sizeof(std::uint64_t));
    return value;
}

}  // namespace

key_writer& key_writer::append_u8(std::uint8_t value) {
    bytes_.push_back(static_cast<char>(value));
    return *this;
}

key_writer& key_writer::append_i64(std::int64_t value) {
    if (bytes_.capacity() < usual_key_bytes) {
        bytes_.reserve(usual_key_bytes);
    }
    append_u64(bytes_, to_ordered(value));
    return *this;
}

key_writer& key_writer::append_string(std::string_view value) {
    bytes_.reserve(bytes_.size() + value.size() + 2);
    for (const char byte : value) {
        bytes_.push_back(byte);
        if (byte == escape) {
            bytes_.push_back(escaped_zero);
        }
    }
    bytes_.push_back(escape);
    bytes_.push_back(terminator);
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

std::optional<std::string> key_reader::read_string() {
    std::string value;
    for (std::size_t at = 0; at < rest_.size(); ++at) {
        if (rest_[at] != escape) {
            value.push_back(rest_[at]);
            continue;
        }
        if (++at == rest_.size()) {
            return std::nullopt;
        }
        if (rest_[at] == terminator) {
            rest_.remove_prefix(at + 1);
            return value;
        }
        if (rest_[at] != escaped_zero) {
            return std::nullopt;
        }
        value.push_back(escape);
    }
    return std::nullopt;
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
