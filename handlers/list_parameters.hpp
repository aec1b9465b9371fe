// The query string of a list: what it asks for, and the URL of the pages beside.
//
// A cursor is opaque, authenticated and bound to its list, its caller and its filters and order:
//   base64url(16-byte code, direction, sort key)
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "handlers/dispatch.hpp"
#include "storage/query/list_query.hpp"

namespace pinhole::handlers {

class list_parameters {
public:
    list_parameters(call& c, storage::query::entity root) : c_(c), root_(root) {}

    /// Whether to read them takes more than microseconds, since regular expressions are compiled.
    bool are_costly() const;

    /// Errors: malformed, naming every bad parameter.
    result<storage::query::list_request> read();

    bool explains() const { return explains_; }

    /// The URL of a page beside this one. Requires: `read` succeeded.
    std::string url_of(const storage::query::position& position) const;

private:
    std::size_t query_bytes() const;
    std::string bound_to() const;
    std::string make_cursor(const storage::query::position& position) const;
    std::optional<storage::query::position> parse_cursor(std::string_view text) const;

    call& c_;
    storage::query::entity root_;
    bool explains_ = false;
};

}  // namespace pinhole::handlers
