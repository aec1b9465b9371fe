// Writes the header of an answer as it goes over the wire.
//
// Thread-safety: no state. Blocking: never.
#pragma once

#include <string>
#include <string_view>

#include "server/response.hpp"

namespace pinhole::http {

struct wire_context {
    std::string_view request_id;
    std::string_view date;  ///< an HTTP date
    bool keep_alive = false;
    bool say_keep_alive = false;  ///< HTTP/1.0 clients need to be told
};

/// False for answers whose status forbids a body (1xx, 204, 304).
bool may_have_body(status code);

/// Appends the status line and all fields, with the empty line behind them.
void append_response_header(std::string& out, const response& answer, const wire_context& context);

/// Sends a whole answer with its body in memory (none for HEAD), then ends sending: one try without
/// waiting, for whoever can't be served any longer. What came unread until now is discarded, so
/// that closing the socket does not reset the connection before the answer is read. False if it
/// could not be sent.
bool send_and_forget(int socket, const response& answer, const wire_context& context,
                     bool head_only = false);

}  // namespace pinhole::http
