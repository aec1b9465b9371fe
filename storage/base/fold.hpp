// Text as the case-insensitive lookups see it: each code point by itself in upper case, Unicode's
// simple case mapping (UnicodeData.txt, as ICU has it), which is what PostgreSQL's UPPER() does and
// so what Django's `iexact` and its like compare. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pinhole::storage {

/// Requires: valid UTF-8; a byte that is none stays as it is.
std::string fold_case(std::string_view utf8);

/// Of the mapping: two programs with the same version fold alike.
std::int64_t fold_version();

}  // namespace pinhole::storage
