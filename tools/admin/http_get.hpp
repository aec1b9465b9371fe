// One GET over HTTP/1.1 to a server of this machine or of its network, by a plain socket: all that
// a health check needs of HTTP.
//
// Thread-safe. Blocks: until the deadline at the most.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <stop_token>
#include <string>
#include <string_view>

namespace pinhole::admin {

/// `ADDR:PORT` or `[V6]:PORT`, as the server's `--listen` has it.
struct endpoint {
    std::string address;
    std::uint16_t port = 0;
    bool is_v6 = false;
};

/// Errors: a message for the operator. Port 0 is one: nobody listens there.
std::expected<endpoint, std::string> parse_endpoint(std::string_view text);

/// Where to reach what listens there: a server on all addresses is asked over the loopback.
endpoint to_reachable(endpoint listening);

std::string to_string(const endpoint& endpoint);

struct http_answer {
    unsigned status = 0;
    std::string body;
};

/// Errors: throws std::runtime_error if there is no whole answer before the deadline, or if it is
/// none of HTTP; storage::work_interrupted.
http_answer http_get(const endpoint& server, std::string_view target,
                     std::chrono::milliseconds timeout, const std::stop_token& stop);

}  // namespace pinhole::admin
