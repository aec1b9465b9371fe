// From storage's values and errors to HTTP answers. One table maps every error code; single
// entities get their ETag here.
// Pure; thread-safe.
#pragma once

#include <string>

#include "server/conditional.hpp"
#include "server/problem.hpp"
#include "server/request.hpp"
#include "server/response.hpp"
#include "storage/base/error.hpp"
#include "storage/schema/json_writer.hpp"
#include "storage/visibility.hpp"

namespace pinhole::handlers {

/// What a 503 says while the clock reads a time that cannot be.
inline constexpr const char* clock_is_wrong =
    "The server's clock is wrong. What depends on it has to wait until it is right.";

http::status to_status(storage::error_code code);
http::response to_response(const storage::error& error);

/// The strong ETag of a representation: a hash of its bytes, quoted.
std::string etag_of(std::string_view json);

/// One entity: its ETag, `private, no-cache`, and 304 where If-None-Match knows it.
http::response entity_answer(const http::request& request, std::string json);

/// The same for an answer to a write: 201 with Location, or 200.
http::response created_answer(std::string json, std::string location);
http::response updated_answer(std::string json);

/// If-Match of the request, as a condition on the current state; empty if it has none.
template <class View>
storage::precondition<View> if_match(const http::request& request) {
    const std::string wanted{request.header("if-match")};
    if (wanted.empty()) {
        return {};
    }
    return [wanted](const View& view) {
        return http::etag_matches_strongly(wanted, etag_of(storage::to_json(view)));
    };
}

}  // namespace pinhole::handlers
