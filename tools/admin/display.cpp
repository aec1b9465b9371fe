#include "tools/admin/display.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <cstdint>
#include <utility>

namespace pinhole::admin {

namespace {

constexpr UChar32 replacement = 0xFFFD;

/// The code point at `at`, which moves behind it; negative where there is none.
UChar32 next_code_point(std::string_view text, std::size_t& at) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(text.data());
    auto offset = static_cast<std::int64_t>(at);
    const auto end = static_cast<std::int64_t>(text.size());
    UChar32 code_point = 0;
    // NOLINTNEXTLINE(bugprone-inc-dec-in-conditions): ICU's macro
    U8_NEXT(bytes, offset, end, code_point);
    at = static_cast<std::size_t>(offset);
    return code_point;
}

void append_code_point(std::string& out, UChar32 code_point) {
    std::uint8_t bytes[U8_MAX_LENGTH];
    std::size_t length = 0;
    U8_APPEND_UNSAFE(bytes, length, code_point);
    out.append(reinterpret_cast<const char*>(bytes), length);
}

bool is_break(UChar32 code_point) {
    return code_point == '\n' || code_point == '\r' || code_point == '\t' || code_point == '\v' ||
           code_point == '\f' || code_point == 0x85 || code_point == 0x2028 || code_point == 0x2029;
}

/// What a terminal obeys, or what turns the direction of its neighbours.
bool is_obeyed(UChar32 code_point) {
    return u_charType(code_point) == U_CONTROL_CHAR ||
           u_hasBinaryProperty(code_point, UCHAR_BIDI_CONTROL) != 0;
}

std::size_t columns_of(UChar32 code_point) {
    switch (u_charType(code_point)) {
        case U_NON_SPACING_MARK:
        case U_ENCLOSING_MARK:
        case U_FORMAT_CHAR:
            return 0;
        default:
            break;
    }
    const int width = u_getIntPropertyValue(code_point, UCHAR_EAST_ASIAN_WIDTH);
    return width == U_EA_WIDE || width == U_EA_FULLWIDTH ? 2 : 1;
}

}  // namespace

std::string to_printable(std::string_view text) {
    std::string printable;
    printable.reserve(text.size());
    for (std::size_t at = 0; at < text.size();) {
        const UChar32 code_point = next_code_point(text, at);
        if (code_point >= 0 && is_break(code_point)) {
            printable += ' ';
        } else if (code_point < 0 || is_obeyed(code_point)) {
            append_code_point(printable, replacement);
        } else {
            append_code_point(printable, code_point);
        }
    }
    return printable;
}

std::size_t count_columns(std::string_view text) {
    std::size_t columns = 0;
    for (std::size_t at = 0; at < text.size();) {
        columns += columns_of(next_code_point(text, at));
    }
    return columns;
}

std::string fit_columns(std::string_view text, std::size_t columns) {
    if (count_columns(text) <= columns) {
        return std::string{text};
    }
    std::size_t used = 1;  // of the ellipsis
    std::size_t end = 0;
    for (std::size_t at = 0; at < text.size();) {
        used += columns_of(next_code_point(text, at));
        if (used > columns) {
            break;
        }
        end = at;
    }
    return std::string{text.substr(0, end)} + "…";
}

std::string pad_right(std::string text, std::size_t columns) {
    const std::size_t has = count_columns(text);
    return std::move(text) + std::string(has < columns ? columns - has : 0, ' ');
}

std::string pad_left(std::string text, std::size_t columns) {
    const std::size_t has = count_columns(text);
    return std::string(has < columns ? columns - has : 0, ' ') + text;
}

}  // namespace pinhole::admin
