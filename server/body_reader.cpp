#include "server/body_reader.hpp"

#include <algorithm>

#include "server/problem.hpp"

namespace pinhole::http {
namespace {

response make_response(body_error error) {
    switch (error) {
        case body_error::too_large:
            return problem(status::payload_too_large, "The body is larger than allowed here.");
        case body_error::timed_out:
            return problem(status::request_timeout, "The body came too slowly.");
        case body_error::malformed:
            return problem(status::bad_request, "The framing of the body is malformed.");
        case body_error::disconnected:
            break;
    }
    return problem(status::bad_request, "The body ended before it was complete.");
}

}  // namespace

response to_response(body_error error) {
    response answer = make_response(error);
    answer.close_connection = true;
    return answer;
}

boost::asio::awaitable<std::expected<std::string, body_error>> body_reader::read_all(
    std::size_t bytes_max) {
    set_limit(bytes_max);
    std::string whole;
    // What was announced is a wish: reserve no more than what a small body needs anyway.
    constexpr std::uint64_t reserve_bytes_max = 64 * 1024;
    whole.reserve(std::min(content_length().value_or(0), reserve_bytes_max));
    for (;;) {
        const auto piece = co_await read_some();
        if (!piece) {
            co_return std::unexpected(piece.error());
        }
        if (piece->empty()) {
            co_return whole;
        }
        whole.append(piece->data(), piece->size());
    }
}

}  // namespace pinhole::http
