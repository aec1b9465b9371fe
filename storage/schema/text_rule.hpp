// What a text field may hold, and the check of one value against it. Limits count Unicode code
// points. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/error.hpp"

namespace pinhole::storage {

enum class text_format : std::uint8_t { plain, username, http_url, secret };

struct text_rule {
    std::uint32_t chars_min = 0;
    std::uint32_t chars_max = 0;
    text_format format = text_format::plain;
};

inline constexpr text_rule username_rule{1, 30, text_format::username};
inline constexpr text_rule password_rule{8, 128, text_format::secret};
inline constexpr text_rule name_rule{0, 64};
inline constexpr text_rule bio_rule{0, 150};
inline constexpr text_rule website_rule{0, 200, text_format::http_url};
inline constexpr text_rule post_content_rule{0, 2200};
inline constexpr text_rule comment_content_rule{1, 2200};

/// A username as it is stored and looked up: ASCII letters lower-cased, the rest as given.
std::string to_canonical_username(std::string_view input);

/// Nothing if `value` may stand in a field with this rule, else the fault, named after `field`.
/// Always demands valid UTF-8 without NUL.
std::optional<field_fault> find_fault(std::string_view field, const text_rule& rule,
                                      std::string_view value);

}  // namespace pinhole::storage
