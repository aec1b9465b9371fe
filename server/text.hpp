// Small text functions that HTTP's grammar needs everywhere.
//
// Thread-safety: pure functions. Blocking: never.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

namespace pinhole::http {

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Compares ASCII letters without regard to case.
bool equals_ignoring_case(std::string_view a, std::string_view b);

/// Without spaces and tabs at both ends.
std::string_view trim(std::string_view text);

/// Well-formed UTF-8 (RFC 3629: no surrogates, nothing overlong, at most U+10FFFF).
bool is_utf8(std::string_view text);

/// RFC 9110 `token`: method and field names.
bool is_token(std::string_view text);

/// -1 if it is no hexadecimal digit.
int hex_value(char c);

/// Replaces every `%XX`, once. None if a `%` is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);
/// Writes as `%XX` whatever may not stand in a query's name or value (RFC 3986, section 3.4, but
/// for
/// `&`, `=` and `+`, which have a meaning there).
std::string percent_encode(std::string_view text);

/// Splits at commas outside quoted strings and calls `visit` with each trimmed, non-empty item.
template <class F>
void for_each_list_item(std::string_view list, F visit) {
    std::size_t begin = 0;
    bool quoted = false;
    for (std::size_t i = 0; i <= list.size(); ++i) {
        if (i < list.size() && quoted && list[i] == '\\') {
            ++i;
            continue;
        }
        if (i < list.size() && list[i] == '"') {
            quoted = !quoted;
        }
        if (i >= list.size() || (list[i] == ',' && !quoted)) {
            const auto item = trim(list.substr(begin, std::min(i, list.size()) - begin));
            if (!item.empty()) {
                visit(item);
            }
            begin = i + 1;
        }
    }
}

}  // namespace pinhole::http
