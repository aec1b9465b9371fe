// Decides whether a request's framing is beyond doubt, and refuses it where it is not.
//
// Whoever stands in front of this server (a proxy, a cache) must see the same message boundaries as
// it does: what can be read in two ways is how requests are smuggled. So everything that RFC 9112
// leaves to leniency is refused here, on top of what the parser refuses for its syntax.
// Functions over bytes and fields, and a scanner that remembers how far it has looked: no socket,
// no parser, no allocation.
// Thread-safety: the functions are pure; a scanner has one user at a time. Blocking: never.
#pragma once

#include <boost/beast/http/status.hpp>
#include <boost/beast/http/verb.hpp>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>

#include "server/request.hpp"
#include "server/response.hpp"

namespace pinhole::http {

/// Fields of one header; more are 431.
inline constexpr std::size_t header_fields_max = 100;

/// A request that is not served: what to answer before the connection is closed.
struct refusal {
    status code;
    std::string_view detail;
};

/// Finds the end of a header that arrives piece by piece, each byte being looked at once.
class header_scanner {
public:
    /// `received` is everything of this message so far. The header's length with its empty line, or
    /// 0 when more is needed.
    /// Errors: a line that ends in a bare LF, a folded line, a first byte that begins no method.
    std::expected<std::size_t, refusal> scan(std::string_view received);

    bool request_line_complete() const { return line_begin_ > 0; }

private:
    std::size_t line_begin_ = 0;
    std::size_t scanned_ = 0;
};

/// Any control byte but tab, and CR and LF in any other way than as CRLF.
bool has_forbidden_byte(std::string_view text);

/// Checks the bytes of a complete header: request line, version, target length, control bytes.
std::optional<refusal> check_header_bytes(std::string_view header, std::size_t target_bytes_max);

enum class body_framing : std::uint8_t { none, length, chunked };

struct message_framing {
    body_framing body = body_framing::none;
    std::uint64_t content_length = 0;
    bool keep_alive = false;
    bool expects_continue = false;
};

struct message_line {
    boost::beast::http::verb method;
    std::string_view target;
    unsigned version = 11;  ///< 10 or 11
};

/// Checks the parsed header and says how its body is framed. Refuses repeated lines of fields that
/// hold one value, beside those of framing: Authorization, Idempotency-Key, Content-Type, Range,
/// If-Range; and methods that the server does not implement. The target may be in origin-form,
/// absolute-form with the authority of Host (see `origin_form`), or `*` for OPTIONS.
std::expected<message_framing, refusal> check_message(const message_line& line,
                                                      std::span<const header_view> fields);

/// An accepted target without scheme and authority: in origin-form, or with its path left out where
/// only a query follows, or `*` for OPTIONS about the server as a whole (RFC 9112 §3.2.4).
std::string_view origin_form(boost::beast::http::verb method, std::string_view target);

}  // namespace pinhole::http
