#include "storage/schema/text_rule.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "storage/base/text.hpp"

namespace pinhole::storage {

namespace {

bool is_username(std::string_view value) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
    };
    return std::ranges::all_of(value, allowed) && !value.starts_with('.') &&
           !value.ends_with('.') && !value.contains("..");
}

bool is_hex_digit(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/// RFC 3986 §2.1: every '%' begins an escape of two digits.
bool has_whole_escapes(std::string_view value) {
    for (auto at = value.find('%'); at != std::string_view::npos; at = value.find('%', at + 1)) {
        if (value.size() - at < 3 || !is_hex_digit(value[at + 1]) || !is_hex_digit(value[at + 2])) {
            return false;
        }
    }
    return true;
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    return text.empty() || (ec == std::errc{} && end == text.data() + text.size());
}

/// RFC 3986 §3.2.2 and §3.2.3, with names in other scripts too.
bool is_host_and_port(std::string_view text) {
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        in6_addr ignored{};
        if (end == std::string_view::npos ||
            ::inet_pton(AF_INET6, std::string{text.substr(1, end - 1)}.c_str(), &ignored) != 1) {
            return false;
        }
        port = text.substr(end + 1);
    } else {
        const auto end = std::min(text.find(':'), text.size());
        if (end == 0 || text.substr(0, end).find_first_of("[]") != std::string_view::npos) {
            return false;
        }
        port = text.substr(end);
    }
    return port.empty() || (port.front() == ':' && is_port(port.substr(1)));
}

/// Scheme, a host, and no byte that could break out of an HTML attribute or a header.
bool is_http_url(std::string_view value) {
    std::string scheme{value.substr(0, 8)};
    std::ranges::transform(scheme, scheme.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    std::string_view rest;
    if (scheme.starts_with("http://")) {
        rest = value.substr(7);
    } else if (scheme == "https://") {
        rest = value.substr(8);
    } else {
        return false;
    }
    const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
    const auto forbidden = [](char c) {
        return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '"' || c == '<' ||
               c == '>' || c == '\\' || c == '`';
    };
    return is_host_and_port(authority.substr(authority.rfind('@') + 1)) &&
           has_whole_escapes(value) && std::ranges::none_of(value, forbidden);
}

std::string plural(std::uint32_t count) {
    return std::to_string(count) + (count == 1 ? " character" : " characters");
}

}  // namespace

std::string to_canonical_username(std::string_view input) {
    std::string canonical{input};
    std::ranges::transform(canonical, canonical.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return canonical;
}

std::optional<field_fault> find_fault(std::string_view field, const text_rule& rule,
                                      std::string_view value) {
    const auto fault = [&](std::string code, std::string message) {
        return field_fault{std::string{field}, std::move(code), std::move(message)};
    };
    const auto chars = count_code_points(value);
    if (!chars) {
        return fault("invalid_utf8", "must be valid UTF-8");
    }
    if (value.contains('\0')) {
        return fault("nul_character", "must not contain a NUL character");
    }
    if (*chars < rule.chars_min) {
        return *chars == 0 ? fault("blank", "must not be empty")
                           : fault("too_short", "must be at least " + plural(rule.chars_min));
    }
    if (*chars > rule.chars_max) {
        return fault("too_long", "must be at most " + plural(rule.chars_max));
    }
    if (rule.format == text_format::username && !is_username(value)) {
        return fault("invalid_format",
                     "may hold a-z, 0-9, '.' and '_', without a leading, trailing or double dot");
    }
    if (rule.format == text_format::http_url && !value.empty() && !is_http_url(value)) {
        return fault("invalid_format", "must be an http:// or https:// URL");
    }
    return std::nullopt;
}

}  // namespace pinhole::storage
