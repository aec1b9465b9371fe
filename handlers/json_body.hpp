// Reads JSON bodies: flat objects of text fields, checked against the route's declaration.
//
// What it does not let through: anything that is not one flat object, duplicate names, depth, NUL
// and invalid UTF-8, unknown fields and read-only ones (no mass assignment). All bad fields are
// reported at once.
// Thread-safe. Never blocks the calling thread.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "handlers/dispatch.hpp"

namespace pinhole::handlers {

class text_fields {
public:
    /// Requires: the field is declared as required, and the parse succeeded.
    std::string take(std::string_view name);
    std::optional<std::string> take_optional(std::string_view name);

private:
    friend result<text_fields> parse_text_fields(std::string_view body,
                                                 std::span<const body_field> declared);
    std::map<std::string, std::string, std::less<>> values_;
};

/// Errors: malformed (not a flat JSON object), invalid (fields named).
result<text_fields> parse_text_fields(std::string_view body, std::span<const body_field> declared);

/// A body as it came, and its fields.
struct json_body {
    std::string bytes;
    text_fields fields;
};

/// Reads and parses the body of a JSON route, or says what to answer.
awaitable<std::expected<json_body, http::response>> read_json(call& c,
                                                              std::span<const body_field> declared);

}  // namespace pinhole::handlers
