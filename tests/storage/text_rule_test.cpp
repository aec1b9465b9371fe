#include "storage/schema/text_rule.hpp"

#include "storage/schema/entities.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

using namespace std::string_literals;

namespace {

/// The code of what is wrong with it, or "".
std::string fault_code(const text_rule& rule, std::string_view value) {
    const auto fault = find_fault("the_field", rule, value);
    if (!fault) {
        return {};
    }
    BOOST_TEST(fault->field == "the_field");
    BOOST_TEST(!fault->message.empty());
    return fault->code;
}

std::string repeat(std::string_view text, std::size_t times) {
    std::string made;
    for (; times > 0; --times) {
        made += text;
    }
    return made;
}

constexpr std::string_view emoji = "\xf0\x9f\x8c\x8a";

}  // namespace

BOOST_AUTO_TEST_SUITE(text_rules)

BOOST_AUTO_TEST_CASE(usernames) {
    for (const std::string_view good : {"k", "kim", "kim.x", "k.i.m", "_", "__", "_._", "0", "1.2",
                                        "a_b.c_d", "abcdefghijklmnopqrstuvwxyz0123"}) {
        BOOST_TEST_INFO_SCOPE("'" << good << "'");
        BOOST_TEST(fault_code(username_rule, good).empty());
    }
    for (const std::string_view bad :
         {".", "..", ".kim", "kim.", "ki..m", "Kim", "KIM", "ki m", " kim", "kim ", "kim\n", "ki-m",
          "ki@m", "@kim", "ki/m", "k\xc3\xadm", "kim\x7f", "\xd0\xbam"}) {
        BOOST_TEST_INFO_SCOPE("'" << bad << "'");
        BOOST_TEST(fault_code(username_rule, bad) == "invalid_format");
    }
    BOOST_TEST(fault_code(username_rule, "") == "blank");
    BOOST_TEST(fault_code(username_rule, std::string(30, 'a')).empty());
    BOOST_TEST(fault_code(username_rule, std::string(31, 'a')) == "too_long");
    BOOST_TEST(fault_code(username_rule, "ki\0m"s) == "nul_character");
    BOOST_TEST(fault_code(username_rule, "ki\xff") == "invalid_utf8");
}

BOOST_AUTO_TEST_CASE(canonical_usernames_lower_ascii_alone) {
    BOOST_TEST(to_canonical_username("KiM.X_9") == "kim.x_9");
    BOOST_TEST(to_canonical_username("\xc3\x89MILE") == "\xc3\x89mile");
    BOOST_TEST(to_canonical_username(" [\\]^`{") == " [\\]^`{");
    BOOST_TEST(to_canonical_username("").empty());
}

BOOST_AUTO_TEST_CASE(websites) {
    for (const std::string_view good :
         {"", "http://a", "https://a.example", "https://a.example/x/y?q=1&r=%20#top", "HTTP://A",
          "hTTps://a", "https://a:8443/", "http://[2001:db8::1]:80/", "https://kim@a.example/",
          "https://kim:pw@a.example", "https://m\xc3\xbcnchen.example", "http://a?x", "http://a#x",
          "https://a/javascript:alert(1)", "https://a/it's", "https://a:", "https://[::1]"}) {
        BOOST_TEST_INFO_SCOPE("'" << good << "'");
        BOOST_TEST(fault_code(website_rule, good).empty());
    }
    for (const std::string_view bad : {"javascript:alert(1)",
                                       "jAvAsCrIpT://%0aalert(1)",
                                       "data:text/html,x",
                                       "ftp://a",
                                       "file:///a",
                                       "//a",
                                       "a.example",
                                       "www.a.example",
                                       "http:a",
                                       "http:/a",
                                       "http:///a",
                                       "http://",
                                       "https://",
                                       "https:// ",
                                       " https://a",
                                       "https://a ",
                                       "https://a b",
                                       "https://a\tb",
                                       "https://a\nSet-Cookie: x",
                                       "https://a\r",
                                       "https://a\x7f",
                                       "https://a\"onclick=1",
                                       "https://a<script>",
                                       "https://a>",
                                       "https://a\\b",
                                       "https://a`",
                                       "https://kim@",
                                       "https://kim:pw@/",
                                       "https://:80",
                                       "https://kim@:80/",
                                       "https://?a",
                                       "https://#a",
                                       "https:///a@b",
                                       "http://[::1",
                                       "http://::1]",
                                       "http://[::g]",
                                       "http://[::1]x",
                                       "http://a:b:c",
                                       "http://a:80:80",
                                       "https://x:99999",
                                       "https://x:-1",
                                       "http://%zz",
                                       "http://a/%",
                                       "http://a/%2"}) {
        BOOST_TEST_INFO_SCOPE("'" << bad << "'");
        BOOST_TEST(fault_code(website_rule, bad) == "invalid_format");
    }
    const std::string longest = "https://" + std::string(192, 'a');
    BOOST_TEST(fault_code(website_rule, longest).empty());
    BOOST_TEST(fault_code(website_rule, longest + "a") == "too_long");
}

BOOST_AUTO_TEST_CASE(limits_count_code_points) {
    struct limit {
        text_rule rule;
        std::size_t chars_min;
        std::size_t chars_max;
    };
    const limit limits[] = {{password_rule, 8, 128},
                            {name_rule, 0, 64},
                            {bio_rule, 0, 150},
                            {post_content_rule, 0, 2200},
                            {comment_content_rule, 1, 2200}};
    for (const auto& [rule, chars_min, chars_max] : limits) {
        BOOST_TEST_INFO_SCOPE(chars_min << " to " << chars_max);
        BOOST_TEST(fault_code(rule, repeat(emoji, chars_max)).empty());
        BOOST_TEST(fault_code(rule, repeat(emoji, chars_max + 1)) == "too_long");
        BOOST_TEST(fault_code(rule, repeat("a", chars_max + 1)) == "too_long");
        BOOST_TEST(fault_code(rule, repeat(emoji, chars_min)).empty());
        if (chars_min > 0) {
            const auto* expected = chars_min == 1 ? "blank" : "too_short";
            BOOST_TEST(fault_code(rule, repeat(emoji, chars_min - 1)) == expected);
        }
        BOOST_TEST(fault_code(rule, "aaaaaaaa\0"s) == "nul_character");
        BOOST_TEST(fault_code(rule, "aaaaaaaa\xc3") == "invalid_utf8");
    }
    BOOST_TEST(fault_code(password_rule, "") == "blank");
}

BOOST_AUTO_TEST_CASE(the_entities_fields_carry_their_rules) {
    static_assert(rule_of<user>("username").format == text_format::username);
    static_assert(rule_of<user>("website").format == text_format::http_url);
    static_assert(rule_of<user>("name").chars_max == 64);
    static_assert(rule_of<user>("bio").chars_max == 150);
    static_assert(rule_of<post>("content").chars_max == 2200);
    static_assert(rule_of<comment>("content").chars_min == 1);
    BOOST_TEST(fault_code(rule_of<user>("bio"), std::string(151, 'a')) == "too_long");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
