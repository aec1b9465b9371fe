// Small texts that clients send: tokens, ids, base64, UTF-8, percent-encoding. Input: one of them.
//
// The two layers judge UTF-8 alike, and what can be read is the only writing of what was read: a
// token, an id, a base64 text with a second spelling would get around whatever compares texts.
#include <algorithm>

#include "server/text.hpp"
#include "storage/base/id.hpp"
#include "storage/base/text.hpp"
#include "storage/schema/text_rule.hpp"
#include "storage/secrets.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

void check_token(std::string_view text) {
    static const storage::secrets keys("0123456789abcdef0123456789abcdef");
    const auto token = storage::parse_login_token(text);
    if (!token) {
        return;
    }
    require(storage::to_string(*token) == text, "there is one writing of a token");
    const std::string hash = keys.hash_login_token(*token);
    require(keys.is_token_of(hash, *token), "a token is known by its hash");
    auto other = *token;
    other.secret.front() = static_cast<std::uint8_t>(other.secret.front() ^ 1);
    require(!keys.is_token_of(hash, other), "another token is not");
    require(!keys.is_token_of(hash.substr(1), *token), "half a hash is none");
}

void check_utf8(std::string_view text) {
    const auto count = storage::count_code_points(text);
    require(http::is_utf8(text) == count.has_value(), "both layers judge UTF-8 alike");
    if (count) {
        const auto begins = std::ranges::count_if(
            text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
        require(*count == static_cast<std::size_t>(begins), "each code point begins once");
    }
    const auto fault = storage::find_fault("name", storage::name_rule, text);
    require(fault.has_value() ==
                (!count || *count > storage::name_rule.chars_max || text.contains('\0')),
            "a text is refused for its length, its bytes or a NUL");
    const auto name = storage::to_canonical_username(text);
    require(storage::to_canonical_username(name) == name, "a canonical name is its own");
}

void check_encodings(std::string_view text) {
    const auto bytes = storage::as_octets(text);
    require(storage::parse_base64url(storage::to_base64url(bytes)) == text, "bytes survive base64");
    if (const auto decoded = storage::parse_base64url(text)) {
        require(storage::to_base64url(storage::as_octets(*decoded)) == text,
                "there is one base64 of some bytes");
    }
    std::string escaped;
    const std::string hex = storage::to_hex(bytes);
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        escaped.append("%").append(hex, i, 2);
    }
    require(http::percent_decode(escaped) == text, "bytes survive percent-encoding");
    const auto decoded = http::percent_decode(text);
    require(!decoded || decoded->size() <= text.size(), "decoding makes nothing longer");
}

void check_id(std::string_view text) {
    if (const auto id = storage::parse_id(text)) {
        require(*id > 0, "an id is positive");
        require(std::to_string(*id) == text, "there is one writing of an id");
    }
}

}  // namespace

void check_input(std::string_view input) {
    check_token(input);
    check_utf8(input);
    check_encodings(input);
    check_id(input);
}

}  // namespace pinhole::fuzz
