#include "storage/base/text.hpp"
#include "storage/base/time.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

using namespace std::string_literals;

BOOST_AUTO_TEST_SUITE(time_text)

BOOST_AUTO_TEST_CASE(rfc3339_goldens) {
    const std::pair<std::int64_t, std::string_view> goldens[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {-1, "1969-12-31T23:59:59.999999Z"},
        {1'795'334'700'123'456, "2026-11-22T08:05:00.123456Z"},
        {1'709'251'199'999'999, "2024-02-29T23:59:59.999999Z"},
        {1'709'251'200'000'000, "2024-03-01T00:00:00.000000Z"},
        {951'782'400'000'000, "2000-02-29T00:00:00.000000Z"},
        {-2'203'891'200'000'001, "1900-02-28T23:59:59.999999Z"},
        {-2'203'891'200'000'000, "1900-03-01T00:00:00.000000Z"},
        {1'704'067'199'000'001, "2023-12-31T23:59:59.000001Z"},
        {-62'135'596'800'000'000, "0001-01-01T00:00:00.000000Z"},
        {253'402'300'799'999'999, "9999-12-31T23:59:59.999999Z"},
    };
    for (const auto& [microseconds, text] : goldens) {
        BOOST_TEST(to_rfc3339(from_microseconds(microseconds)) == text);
        BOOST_TEST(to_microseconds(from_microseconds(microseconds)) == microseconds);
    }
}

BOOST_AUTO_TEST_CASE(rfc3339_sorts_as_the_instants_do) {
    const auto seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    const auto instant = [&] {
        return static_cast<std::int64_t>(random.engine()() % 250'000'000'000'000'000U);
    };
    for (int round = 0; round < 10'000; ++round) {
        const std::int64_t a = instant();
        const std::int64_t b = random.one_in(2) ? a + 1 : instant();
        BOOST_REQUIRE_EQUAL(to_rfc3339(from_microseconds(a)) < to_rfc3339(from_microseconds(b)),
                            a < b);
    }
}

BOOST_AUTO_TEST_CASE(appending_keeps_what_was_there) {
    std::string out = "at ";
    append_rfc3339(out, from_microseconds(0));
    BOOST_TEST(out == "at 1970-01-01T00:00:00.000000Z");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(utf8)

BOOST_AUTO_TEST_CASE(valid_text_is_counted_in_code_points) {
    const std::pair<std::string, std::size_t> table[] = {
        {"", 0},
        {"a", 1},
        {"\0"s, 1},
        {"\x7f", 1},
        {"\xc2\x80", 1},          // U+0080, the first of two bytes
        {"\xdf\xbf", 1},          // U+07FF, the last
        {"\xe0\xa0\x80", 1},      // U+0800, the first of three
        {"\xed\x9f\xbf", 1},      // U+D7FF, the last before the surrogates
        {"\xee\x80\x80", 1},      // U+E000, the first after them
        {"\xef\xbf\xbf", 1},      // U+FFFF
        {"\xf0\x90\x80\x80", 1},  // U+10000, the first of four
        {"\xf4\x8f\xbf\xbf", 1},  // U+10FFFF, the last of all
        {"na\xc3\xafve \xf0\x9f\x8c\x8a", 7},
        {"e\xcc\x81", 2},  // a combining accent is a code point of its own
    };
    for (const auto& [text, count] : table) {
        BOOST_TEST_INFO_SCOPE(hex(text));
        BOOST_TEST((count_code_points(text) == count));
    }
}

BOOST_AUTO_TEST_CASE(what_is_not_utf8_is_refused_wherever_it_stands) {
    for (const std::string& bad : {
             "\x80"s,
             "\xbf"s,  // continuation without a lead
             "\xc0\x80"s,
             "\xc1\xbf"s,  // overlong, two bytes
             "\xe0\x80\x80"s,
             "\xe0\x9f\xbf"s,  // overlong, three
             "\xf0\x80\x80\x80"s,
             "\xf0\x8f\xbf\xbf"s,  // overlong, four
             "\xed\xa0\x80"s,
             "\xed\xbf\xbf"s,  // surrogates
             "\xf4\x90\x80\x80"s,
             "\xf5\x80\x80\x80"s,  // above U+10FFFF
             "\xf8\x88\x80\x80\x80"s,
             "\xfe"s,
             "\xff"s,  // never leads
             "\xc3"s,
             "\xe2\x82"s,
             "\xf0\x9f\x8c"s,  // cut short
             "\xc3("s,
             "\xe2(\xa1"s,
             "\xe2\x82("s,  // not continued
             "\xf0(\x8c\xbc"s,
             "\xf0\x90(\xbc"s,
             "\xf0\x9f\x8c("s,
         }) {
        for (const std::string& text : {bad, "a" + bad, bad + "a", "\xc3\xa9" + bad}) {
            BOOST_TEST_INFO_SCOPE(hex(text));
            BOOST_TEST(!count_code_points(text).has_value());
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(base64url)

BOOST_AUTO_TEST_CASE(rfc4648_vectors_without_padding) {
    const std::pair<std::string_view, std::string_view> table[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"},
    };
    for (const auto& [plain, text] : table) {
        BOOST_TEST(to_base64url(as_octets(plain)) == text);
        BOOST_TEST((parse_base64url(text) == plain));
    }
}

BOOST_AUTO_TEST_CASE(one_text_for_each_value) {
    for (const std::string_view bad : {"Zg==", "Zg=", "Zh", "Z", "Zm9v Yg", "-_8=", "+/8", "Zm9vY",
                                       "Zm\n9v", "Zm9", "\xc3\xa9\x61\x61"}) {
        BOOST_TEST_INFO_SCOPE("'" << bad << "'");
        BOOST_TEST(!parse_base64url(bad).has_value());
    }
}

BOOST_AUTO_TEST_CASE(any_bytes_come_back) {
    const auto seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    for (int round = 0; round < 2000; ++round) {
        const std::string plain = random.bytes(100);
        const std::string text = to_base64url(as_octets(plain));
        BOOST_REQUIRE(text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                             "0123456789-_") == std::string::npos);
        BOOST_REQUIRE(parse_base64url(text) == plain);
    }
}

BOOST_AUTO_TEST_CASE(hex_is_lower_case) {
    BOOST_TEST(to_hex(as_octets("\x00\xab\xff"s)) == "00abff");
    BOOST_TEST(to_hex({}).empty());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
