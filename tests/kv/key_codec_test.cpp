#include "storage/kv/key_codec.hpp"

#include <boost/test/unit_test.hpp>
#include <compare>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

using pinhole::kv::key_reader;
using pinhole::kv::key_writer;
using pinhole::kv::prefix_end;
using namespace std::string_literals;

namespace {

/// Fields of every kind, compared one after the other. std::string compares unsigned bytes.
struct composite {
    std::string first;
    std::string second;
    std::int64_t third = 0;
    std::uint8_t fourth = 0;

    auto operator<=>(const composite&) const = default;
};

std::string encode(const composite& value) {
    return key_writer()
        .append_string(value.first)
        .append_string(value.second)
        .append_i64(value.third)
        .append_u8(value.fourth)
        .take();
}

/// Few distinct bytes and short strings, so that equal fields and prefixes are common.
class generator {
public:
    composite make_composite() { return {text(), text(), number(), small()}; }

    std::string text() {
        static const std::string alphabet = "\x00\x01\x02\x7f\x80\xfe\xff"s + "a";
        std::string made(pick(4), '\0');
        for (auto& byte : made) {
            byte = alphabet[pick(alphabet.size())];
        }
        return made;
    }

    std::int64_t number() {
        using limits = std::numeric_limits<std::int64_t>;
        static const std::vector<std::int64_t> edges{
            limits::min(), limits::min() + 1, -256, -1, 0, 1, 255, 256, limits::max()};
        return pick(2) == 0 ? edges[pick(edges.size())] : static_cast<std::int64_t>(random_());
    }

    std::uint8_t small() { return static_cast<std::uint8_t>(pick(256)); }

    std::size_t pick(std::size_t below) {
        return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
    }

private:
    std::mt19937_64 random_{20'260'101};
};

std::string hex(const std::string& bytes) {
    static const char digits[] = "0123456789abcdef";
    std::string text;
    for (const char byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text += digits[value >> 4U];
        text += digits[value & 15U];
    }
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(key_codec)

BOOST_AUTO_TEST_CASE(encoding_keeps_the_order_of_composites) {
    generator random;
    for (int round = 0; round < 200'000; ++round) {
        const auto a = random.make_composite();
        auto b = random.make_composite();
        // Half of the pairs share their first field, so that the later ones are compared too.
        if (random.pick(2) == 0) {
            b.first = a.first;
            b.second = random.pick(2) == 0 ? a.second : b.second;
        }
        BOOST_TEST_INFO_SCOPE(hex(encode(a)) << " and " << hex(encode(b)));
        BOOST_REQUIRE_EQUAL(encode(a) < encode(b), a < b);
        BOOST_REQUIRE_EQUAL(encode(a) == encode(b), a == b);
    }
}

BOOST_AUTO_TEST_CASE(what_was_written_is_read) {
    generator random;
    for (int round = 0; round < 20'000; ++round) {
        const auto value = random.make_composite();
        const auto bytes = encode(value);
        key_reader reader(bytes);
        BOOST_REQUIRE(reader.read_string() == value.first);
        BOOST_REQUIRE(reader.read_string() == value.second);
        BOOST_REQUIRE(reader.read_i64() == value.third);
        BOOST_REQUIRE(reader.read_u8() == value.fourth);
        BOOST_REQUIRE(reader.at_end());
    }
}

BOOST_AUTO_TEST_CASE(golden_bytes) {
    BOOST_TEST(hex(key_writer().append_u8(0xab).take()) == "ab");
    BOOST_TEST(hex(key_writer().append_i64(0).take()) == "8000000000000000");
    BOOST_TEST(hex(key_writer().append_i64(-1).take()) == "7fffffffffffffff");
    BOOST_TEST(hex(key_writer().append_i64(258).take()) == "8000000000000102");
    BOOST_TEST(hex(key_writer().append_string("").take()) == "0001");
    BOOST_TEST(hex(key_writer().append_string("ab").take()) == "61620001");
    BOOST_TEST(hex(key_writer().append_string("a\0b"s).take()) == "6100ff620001");
}

BOOST_AUTO_TEST_CASE(garbage_is_refused_and_leaves_the_reader_where_it_was) {
    const std::string short_number = "\x80\x00\x00"s;
    key_reader number(short_number);
    BOOST_TEST(!number.read_i64().has_value());
    BOOST_TEST(number.rest() == short_number);

    for (const auto& bad : {""s, "a"s, "a\0"s, "a\0\x02"s, "\0"s, "\0\0"s}) {
        key_reader reader(bad);
        BOOST_TEST(!reader.read_string().has_value());
        BOOST_TEST(reader.rest() == bad);
    }
    BOOST_TEST(!key_reader("").read_u8().has_value());
}

BOOST_AUTO_TEST_CASE(random_bytes_are_read_within_their_bounds) {
    generator random;
    std::size_t accepted = 0;
    for (int round = 0; round < 100'000; ++round) {
        std::string bytes;
        for (std::size_t pieces = random.pick(4); pieces > 0; --pieces) {
            bytes += random.text();
        }
        key_reader reader(bytes);
        // Whatever is accepted must be the encoding of what it was read as.
        if (const auto text = reader.read_string()) {
            const auto again = key_writer().append_string(*text).take();
            BOOST_REQUIRE_EQUAL(again + std::string(reader.rest()), bytes);
            ++accepted;
        }
    }
    BOOST_TEST(accepted > 1000U);
}

BOOST_AUTO_TEST_CASE(prefix_end_is_the_smallest_string_above_all_with_the_prefix) {
    BOOST_TEST(prefix_end("abc") == "abd");
    BOOST_TEST(prefix_end("a\xff\xff") == "b");
    BOOST_TEST(prefix_end("\xff\xff").empty());
    BOOST_TEST(prefix_end("").empty());
    BOOST_TEST(prefix_end("a\0"s) == "a\x01"s);

    generator random;
    for (int round = 0; round < 50'000; ++round) {
        const auto prefix = random.text();
        const auto other = random.text();
        const auto end = prefix_end(prefix);
        const bool inside = other >= prefix && (end.empty() || other < end);
        BOOST_REQUIRE_EQUAL(inside, other.starts_with(prefix));
    }
}

BOOST_AUTO_TEST_SUITE_END()
