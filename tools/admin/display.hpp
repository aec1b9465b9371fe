// Texts of strangers on a terminal: what users have written must neither move its cursor nor turn
// the direction of what stands beside it, and Korean or an emoji takes two columns. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pinhole::admin {

/// The text on one line, with nothing in it that a terminal would obey: line breaks and tabs are
/// spaces, other control and direction characters U+FFFD, and so is what is not UTF-8.
std::string to_printable(std::string_view text);

/// How many columns a terminal needs for it (UAX #11, wide characters count two).
/// Requires: printable.
std::size_t count_columns(std::string_view text);

/// The text if it fits, else as much of it as fits with `…` behind. Requires: printable.
std::string fit_columns(std::string_view text, std::size_t columns);

/// Spaces up to so many columns behind the text, or in front of it.
std::string pad_right(std::string text, std::size_t columns);
std::string pad_left(std::string text, std::size_t columns);

}  // namespace pinhole::admin
