// The password of accounts in sample data.
#pragma once

#include <string_view>

namespace pinhole::sample {

inline constexpr std::string_view password = "a long password";
/// Its hash, made once: a fresh salt would make other rows each time.
inline constexpr std::string_view password_hash =
    "$argon2id$v=19$m=19456,t=2,p=1$i+tUhf90izBv1bFo"
    "dvh75w$VKKB4Hj7KPtuhw8dnkzzvJ6RDUrO+x0Q1/EWNOSrBgg";

}  // namespace pinhole::sample
