// Error answers after RFC 9457 (`application/problem+json`).
//
// The body also carries `error`, the same text as `detail`. What is said here goes to the client:
// never a path, a stack or a key.
// Thread-safety: pure functions. Blocking: never.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "server/response.hpp"

namespace pinhole::http {

/// One bad field of the request; `field` is empty where the whole body is meant.
struct field_error {
    std::string field;
    std::string code;  ///< short and stable: `taken`, `too_long`, `unknown_field`
    std::string message;
};

/// A 401 gets `WWW-Authenticate: Bearer`; a 503 gets `Retry-After: 1` (see `set_retry_after`).
response problem(status code, std::string detail, std::vector<field_error> errors = {});

/// The same with a member of its own beside the standard ones, e.g. `accepted` or `plan`.
/// Requires: `value_json` is one well-formed JSON value, `name` no standard member.
response problem_with(status code, std::string detail, std::string_view name,
                      std::string_view value_json, std::vector<field_error> errors = {});

/// Rounded up to whole seconds, at least one.
void set_retry_after(response& answer, std::chrono::milliseconds delay);

}  // namespace pinhole::http
