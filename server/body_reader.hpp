// The body of the request being handled, pulled by the handler piece by piece.
//
// It never holds more than one piece. `100 Continue` is sent when the handler first asks for bytes,
// so a request that is refused by its header alone costs its sender no upload. The sender must keep
// up a minimum rate while the handler waits for it; time the handler takes for itself is not
// counted.
// Thread-safety: belongs to the request's io thread. Blocking: never.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>

#include "server/response.hpp"

namespace pinhole::http {

enum class body_error : std::uint8_t {
    too_large,     ///< longer than the limit, by Content-Length or by the bytes received
    malformed,     ///< broken chunked framing
    timed_out,     ///< slower than the minimum rate
    disconnected,  ///< the client went away in the middle
};

/// 413, 400, 408, 400; the connection closes after each of them.
response to_response(body_error error);

class body_reader {
public:
    virtual ~body_reader() = default;

    /// Bytes announced by Content-Length; none when chunked. A request without a body announces 0.
    virtual std::optional<std::uint64_t> content_length() const = 0;

    /// The limit for this body, from now on; until it is called, the server's `body_bytes_max`.
    /// A Content-Length beyond it makes the next read answer `too_large` at once.
    virtual void set_limit(std::uint64_t bytes_max) = 0;

    /// The next piece; an empty one is the end. It stays valid until the next call.
    /// Errors are final: every later call gives the same one.
    virtual boost::asio::awaitable<std::expected<std::span<const char>, body_error>>
    read_some() = 0;

    /// All that is left, at most `bytes_max` (which becomes the limit).
    boost::asio::awaitable<std::expected<std::string, body_error>> read_all(std::size_t bytes_max);
};

}  // namespace pinhole::http
