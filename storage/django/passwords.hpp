// Password hashes as Django writes them, and as Pinhole does.
//
// Pure; thread-safe.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pinhole::storage::django {

/// Django's hash as one that logs in here: `pbkdf2_sha256$…` as it is, argon2id as a PHC string,
/// and one that is unusable there (`!…`) as it is. Nothing for what this version cannot verify.
std::optional<std::string> to_pinhole_password(std::string_view django);

/// A hash as Django's own hashers take it; argon2id needs Django's Argon2PasswordHasher.
std::string to_django_password(std::string_view pinhole);

/// A hash that nobody logs in with, and that still holds what it was.
std::string to_unusable_password(std::string_view hash);

}  // namespace pinhole::storage::django
