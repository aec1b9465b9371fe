// Django's password hashes, as accounts from there bring them:
// `pbkdf2_sha256$iterations$salt$hash`, the hash as base64 of 32 bytes. They are verified only;
// the first login puts argon2id in their place.
//
// Thread-safe. Blocks: as many iterations as the hash says, some 100 ms of CPU.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pinhole::storage {

/// Django 5.2 takes a million. A hash that asks for more than this is not believed: whoever tries
/// to log in with it would keep a thread busy for too long.
inline constexpr std::uint32_t pbkdf2_iterations_max = 10'000'000;

struct pbkdf2_hash {
    std::uint32_t iterations = 0;
    std::string salt;
    std::array<std::uint8_t, 32> key{};
};

/// Takes any text; nothing if it is no such hash, or one whose work is beyond the bound.
std::optional<pbkdf2_hash> parse_pbkdf2(std::string_view stored);

/// Whether the password, any bytes, leads to it. Compares in constant time.
/// Errors: throws std::bad_alloc.
bool verify_pbkdf2(const pbkdf2_hash& stored, std::string_view password);

}  // namespace pinhole::storage
