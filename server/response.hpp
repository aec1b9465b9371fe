// What a handler answers: a status, header fields and a body in memory or in a file.
//
// Knows nothing of sockets and of the request: Content-Length, Date, Connection and X-Request-Id
// are added when it is sent, HEAD and 204/304 lose their body there.
// Thread-safety: a value. Blocking: never.
#pragma once

#include <boost/beast/http/status.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/unique_fd.hpp"

namespace pinhole::http {

using status = boost::beast::http::status;

struct header_field {
    std::string name;
    std::string value;
};

/// A piece of an open file, sent by the kernel without a copy through user space.
/// Requires: the file keeps its length while it is sent; a shorter one ends the connection.
struct file_slice {
    unique_fd file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

struct response {
    using body_type = std::variant<std::monostate, std::string, file_slice>;

    status code = status::ok;
    std::vector<header_field> headers;
    body_type body;
    bool close_connection = false;  ///< no further request on this connection

    /// `application/json`, with `Cache-Control: no-store` (replace it with `set` where it differs).
    static response json(status code, std::string body);
    static response no_content();
    static response not_modified();

    /// Replaces the field if it is there. Names compare without regard to case.
    /// Requires: neither name nor value holds CR, LF or NUL (asserted).
    response& set(std::string_view name, std::string value);
    /// Appends a line, whatever is there.
    response& add(std::string_view name, std::string value);
    /// Empty if there is no such field.
    std::string_view header(std::string_view name) const;
    std::uint64_t body_bytes() const;
};

}  // namespace pinhole::http
