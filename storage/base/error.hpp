// Errors that depend on what a caller asked for. They are values; handlers/answers.cpp turns each
// code into one HTTP status, tools print the message. What depends on the environment (a broken
// disk) is an exception of storage/kv instead.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>
#include <vector>

namespace pinhole::storage {

enum class error_code : std::uint8_t {
    malformed,            ///< cannot be understood at all
    invalid,              ///< understood, but a field breaks a rule; `fields` names them all
    unauthenticated,      ///< no login, or a dead one
    bad_credentials,      ///< wrong user or wrong password: never says which
    forbidden,            ///< there, but not yours
    not_found,            ///< absent or soft-deleted: never says which
    conflict,             ///< collides with what is stored
    precondition_failed,  ///< If-Match named another version
    too_large,
    unsupported_media,
    key_reused,     ///< Idempotency-Key known with another body
    key_in_flight,  ///< Idempotency-Key is being worked on
    rate_limited,
    overloaded,     ///< a queue is full; retry soon
    unavailable,    ///< storage failed or is stopping; the outcome may be unknown
    storage_full,   ///< disk full; reads go on
    too_expensive,  ///< a query would read more rows than one may
};

/// One bad field: its name as the client wrote it, a stable code, a sentence for people.
struct field_fault {
    std::string field;
    std::string code;
    std::string message;
};

struct error {
    error_code code = error_code::malformed;
    std::string message;
    std::vector<field_fault> fields = {};
    std::string plan = {};  ///< of too_expensive: how rows would have been found, as JSON
};

template <class T>
using result = std::expected<T, error>;

inline std::unexpected<error> fail(error_code code, std::string message,
                                   std::vector<field_fault> fields = {}) {
    return std::unexpected{error{code, std::move(message), std::move(fields)}};
}

inline error disk_full() {
    return {error_code::storage_full, "The disk is full. Reading still works.", {}};
}
inline error overloaded() {
    return {error_code::overloaded, "The server is overloaded. Try again soon.", {}};
}

}  // namespace pinhole::storage
