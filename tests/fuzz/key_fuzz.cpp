// Keys. Input: two bytes that pick a shape, then bytes that are read as a key of that shape and as
// the values of two.
//
// What can be read is the only encoding of what was read; and keys are ordered as their values are.
#include <compare>
#include <vector>

#include "storage/kv/key_codec.hpp"
#include "storage/schema/keys.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

enum class kind : std::uint8_t { small, number, text };

/// Of one field, the member that its kind says.
struct value {
    std::uint8_t small = 0;
    std::int64_t number = 0;
    std::string text = {};
    auto operator<=>(const value&) const = default;
};
using tuple = std::vector<value>;

std::vector<kind> shape_of(std::uint8_t picked) {
    std::vector<kind> shape;
    for (unsigned left = 1 + picked % 4, rest = picked / 4; left > 0; --left, rest /= 3) {
        shape.push_back(static_cast<kind>(rest % 3));
    }
    return shape;
}

std::string encode(const tuple& values, const std::vector<kind>& shape) {
    kv::key_writer out;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        switch (shape[i]) {
            case kind::small:
                out.append_u8(values[i].small);
                break;
            case kind::number:
                out.append_i64(values[i].number);
                break;
            case kind::text:
                out.append_string(values[i].text);
                break;
        }
    }
    return out.take();
}

std::optional<tuple> decode(std::string_view bytes, const std::vector<kind>& shape) {
    kv::key_reader in(bytes);
    tuple values(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const auto before = in.rest();
        const auto take = [&](auto read, auto& to) {
            require(read || in.rest() == before, "a failed read takes nothing");
            if (read) {
                to = *read;
            }
            return read.has_value();
        };
        const bool taken = shape[i] == kind::small    ? take(in.read_u8(), values[i].small)
                           : shape[i] == kind::number ? take(in.read_i64(), values[i].number)
                                                      : take(in.read_string(), values[i].text);
        if (!taken) {
            return std::nullopt;
        }
    }
    return in.at_end() ? std::optional(std::move(values)) : std::nullopt;
}

/// Values of the shape out of arbitrary bytes.
tuple make_values(std::string_view& bytes, const std::vector<kind>& shape) {
    tuple values(shape.size());
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const std::size_t size = shape[i] == kind::text     ? take_byte(bytes) % 8U
                                 : shape[i] == kind::number ? 8U
                                                            : 1U;
        const std::string_view taken = bytes.substr(0, size);
        bytes.remove_prefix(taken.size());
        if (shape[i] == kind::text) {
            values[i].text = taken;
            continue;
        }
        std::uint64_t number = 0;
        for (const char byte : taken) {
            number = number << 8 | static_cast<unsigned char>(byte);
        }
        values[i].number = shape[i] == kind::number ? static_cast<std::int64_t>(number) : 0;
        values[i].small = shape[i] == kind::small ? static_cast<std::uint8_t>(number) : 0;
    }
    return values;
}

template <class Function>
void allow_corrupt_row(const Function& function) {
    try {
        function();
    } catch (const storage::corrupt_row&) {  // NOLINT(bugprone-empty-catch): the other right answer
    }
}

void check_schema_keys(std::string_view bytes) {
    allow_corrupt_row([&] {
        require(storage::id_of_index_key(bytes) ==
                    kv::key_reader(bytes.substr(bytes.size() - 8)).read_i64(),
                "an index key ends with the row's id");
    });
    allow_corrupt_row([&] {
        const auto entry = storage::decode_unique_entry(bytes);
        const auto again = storage::decode_unique_entry(storage::encode_unique_entry(entry));
        require(again.id == entry.id && again.alive == entry.alive, "a unique entry stays itself");
    });
}

void check_prefix_end(std::string_view bytes) {
    const std::string prefix(bytes.substr(0, bytes.size() / 2));
    const std::string end = kv::prefix_end(prefix);
    if (end.empty()) {
        require(prefix.find_first_not_of('\xff') == std::string::npos, "only FF has no end");
    } else {
        require(bytes < end && prefix < end, "a prefix ends behind all that it begins");
        require(!end.starts_with(prefix), "a prefix's end is no longer in it");
    }
}

}  // namespace

void check_input(std::string_view input) {
    const auto shape = shape_of(take_byte(input));
    if (const auto values = decode(input, shape)) {
        require(encode(*values, shape) == input, "there is one encoding");
    }
    check_schema_keys(input);
    check_prefix_end(input);
    const tuple a = make_values(input, shape);
    const tuple b = make_values(input, shape);
    const std::string key_a = encode(a, shape);
    const std::string key_b = encode(b, shape);
    require(decode(key_a, shape) == a, "a key can be read");
    require((key_a <=> key_b) == (a <=> b), "keys are ordered as their values");
    require(key_a == key_b || !key_b.starts_with(key_a), "no key begins another");
}

}  // namespace pinhole::fuzz
