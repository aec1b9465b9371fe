#include "storage/base/fold.hpp"

#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include <algorithm>
#include <array>

namespace pinhole::storage {

namespace {

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

char fold_ascii(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

std::string fold_case(std::string_view utf8) {
    std::string folded;
    folded.reserve(utf8.size());
    if (is_ascii(utf8)) {
        std::ranges::transform(utf8, std::back_inserter(folded), fold_ascii);
        return folded;
    }
    const auto length = static_cast<std::int32_t>(utf8.size());
    for (std::int32_t at = 0; at < length;) {
        const std::int32_t start = at;
        UChar32 code_point = 0;
        // NOLINTNEXTLINE(bugprone-inc-dec-in-conditions): ICU's macro
        U8_NEXT(utf8.data(), at, length, code_point);
        if (code_point < 0) {
            folded.append(
                utf8.substr(static_cast<std::size_t>(start), static_cast<std::size_t>(at - start)));
            continue;
        }
        std::array<char, U8_MAX_LENGTH> encoded{};
        std::int32_t bytes = 0;
        U8_APPEND_UNSAFE(encoded.data(), bytes, u_toupper(code_point));
        folded.append(encoded.data(), static_cast<std::size_t>(bytes));
    }
    return folded;
}

std::int64_t fold_version() {
    UVersionInfo unicode{};
    u_getUnicodeVersion(unicode);
    std::int64_t version = 0;
    for (const std::uint8_t part : unicode) {
        version = version * 256 + part;
    }
    return version;
}

}  // namespace pinhole::storage
