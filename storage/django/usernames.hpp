// Django's usernames may hold what Pinhole's may not: valid ones made of them.
//
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace pinhole::storage::django {

/// A valid username that reminds of the one given, any text: other scripts and accents as Latin
/// letters, as far as ICU can write them so, and what is not allowed as '_'. The same for the same.
std::string to_valid_username(std::string_view name);

/// A valid one with the primary key behind it, for one that another user has.
std::string to_distinct_username(std::string_view name, std::string_view pk);

}  // namespace pinhole::storage::django
