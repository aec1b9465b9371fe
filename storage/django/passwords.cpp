#include "storage/django/passwords.hpp"

#include <sodium.h>

#include <algorithm>

#include "storage/pbkdf2.hpp"

namespace pinhole::storage::django {

namespace {

constexpr std::string_view unusable = "!";
/// Before the PHC string, which begins with '$'.
constexpr std::string_view argon2 = "argon2";
constexpr std::string_view argon2id = "argon2$argon2id$";
constexpr std::size_t unusable_bytes_max = 400;

bool is_printable(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F; });
}

/// Whether it is one that libsodium verifies, whatever its work.
bool is_argon2id(const std::string& phc) {
    return phc.size() < crypto_pwhash_STRBYTES &&
           crypto_pwhash_str_needs_rehash(phc.c_str(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                                          crypto_pwhash_MEMLIMIT_INTERACTIVE) >= 0;
}

}  // namespace

std::string to_unusable_password(std::string_view hash) {
    const bool fits = hash.size() <= unusable_bytes_max && is_printable(hash);
    return std::string{unusable} + std::string{fits ? hash : ""};
}

std::optional<std::string> to_pinhole_password(std::string_view django) {
    if (django.starts_with(unusable)) {
        return to_unusable_password(django.substr(unusable.size()));
    }
    if (parse_pbkdf2(django) && is_printable(django)) {
        return std::string{django};
    }
    if (django.starts_with(argon2id)) {
        std::string phc{django.substr(argon2.size())};
        return is_argon2id(phc) ? std::optional{std::move(phc)} : std::nullopt;
    }
    return std::nullopt;
}

std::string to_django_password(std::string_view pinhole) {
    if (pinhole.starts_with("$argon2id$")) {
        return std::string{argon2} + std::string{pinhole};
    }
    return pinhole.empty() ? std::string{unusable} : std::string{pinhole};
}

}  // namespace pinhole::storage::django
