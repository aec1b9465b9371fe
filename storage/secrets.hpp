// Everything secret: the server's key and what is derived from it, passwords, login tokens, sealed
// records. All cryptography is libsodium's. Thread-safe.
//
// Blocks: `hash_password` and `verify_password` take tens of milliseconds of CPU and 19 MiB each;
// never call them on an io thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/id.hpp"

namespace pinhole::storage {

/// argon2id as a PHC string, with OWASP's recommended minimum (Password Storage Cheat Sheet:
/// m = 19 MiB, t = 2, p = 1).
std::string hash_password(std::string_view password);

/// `stored`: argon2id, or what accounts from Django bring (pbkdf2.hpp). Spends the same work
/// whatever it is: a hash, one that never matches, or nothing at all (no such user); but for those
/// from Django, whose work they say themselves.
bool verify_password(std::string_view stored, std::string_view password);

/// Whether `hash_password` would make it otherwise: of another kind, or of other work. The password
/// that it was verified with should be hashed anew.
bool needs_rehash(std::string_view stored);

/// A login token: the session it belongs to and 256 random bits. As text `ph_` and base64url.
struct login_token {
    entity_id session = 0;
    std::array<std::uint8_t, 32> secret{};
};
std::string to_string(const login_token& token);
std::optional<login_token> parse_login_token(std::string_view text);

class secrets {
public:
    /// `master` may be any text of 32 bytes or more.
    /// Requires: at least 32 bytes (asserted).
    explicit secrets(std::string_view master);

    login_token make_login_token(entity_id session) const;

    /// What is stored of a token: without the server's key it can be neither reversed nor tested.
    std::string hash_login_token(const login_token& token) const;
    /// Compares in constant time.
    bool is_token_of(std::string_view stored_hash, const login_token& token) const;

    /// 16 bytes that only this server could have made for `message` (cursors).
    std::string authenticate(std::string_view message) const;
    bool is_authentic(std::string_view message, std::string_view code) const;

    /// The database's name for a client's Idempotency-Key, and the key that seals its record.
    /// Neither can be computed from the database and the server's key alone: the client's own key
    /// is needed, so what a record holds (an answer with a token in it) stays the client's.
    std::string name_of_idempotency_key(std::string_view scope, std::string_view key) const;
    std::string seal(std::string_view scope, std::string_view key, std::string_view plain) const;
    std::optional<std::string> open(std::string_view scope, std::string_view key,
                                    std::string_view sealed) const;

private:
    using subkey = std::array<std::uint8_t, 32>;
    subkey sealing_key(std::string_view scope, std::string_view key) const;

    subkey token_key_{};
    subkey cursor_key_{};
    subkey idempotency_name_key_{};
    subkey idempotency_seal_key_{};
};

/// The server's key: `configured` if not empty, else the one kept in `data_dir`/secret.key (mode
/// 0600), made there at the first start.
/// Errors: throws std::runtime_error for a configured key under 32 bytes, or an unusable file.
std::string load_or_make_master_key(const std::filesystem::path& data_dir,
                                    std::string_view configured);

}  // namespace pinhole::storage
