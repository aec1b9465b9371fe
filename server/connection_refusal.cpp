// How a connection refuses a request that it does not serve; see connection.hpp.
#include <boost/beast/http/verb.hpp>
#include <string>

#include "server/connection.hpp"
#include "server/problem.hpp"

namespace pinhole::http {
namespace {

namespace asio = boost::asio;

refused to_refused(status code) {
    switch (code) {
        case status::request_timeout:
            return refused::header_timeout;
        case status::uri_too_long:
        case status::request_header_fields_too_large:
            return refused::header_too_large;
        case status::http_version_not_supported:
        case status::not_implemented:
        case status::expectation_failed:
            return refused::unsupported;
        default:
            return refused::malformed;
    }
}

verb method_of(std::string_view received) {
    const auto method = received.substr(0, received.find(' '));
    return boost::beast::http::string_to_verb({method.data(), method.size()});
}

/// The lines that came whole, ended like a header. Empty where they can be read in two ways: then
/// nothing in them is to be believed.
std::string whole_lines(std::string_view received) {
    auto lines = received.substr(0, received.find("\r\n\r\n"));
    if (lines.size() == received.size()) {
        const auto last_end = lines.rfind("\r\n");
        lines = lines.substr(0, last_end == std::string_view::npos ? 0 : last_end);
    }
    const bool folded = lines.find("\r\n ") != std::string_view::npos ||
                        lines.find("\r\n\t") != std::string_view::npos;
    if (lines.empty() || folded || has_forbidden_byte(lines)) {
        return {};
    }
    return std::string(lines) + "\r\n\r\n";
}

}  // namespace

/// What is known of the request counts for its answer too: its id, its origin, and that HEAD has no
/// body.
asio::awaitable<void> connection::refuse(refusal reason, std::string_view received,
                                         clock::time_point started) {
    const std::string header = whole_lines(received);
    message_parser parser;
    if (!header.empty()) {
        // Fails where the request is refused for it; the fields in front of that are there.
        [[maybe_unused]] const auto parsed = parser.parse_header(header);
    }
    request known(*this);
    known.method = method_of(received);
    known.headers = parser.fields();
    choose_request_id(known.headers);
    shard_.metrics().count_refused(to_refused(reason.code));
    response answer = problem(reason.code, std::string(reason.detail));
    shard_.routes().apply_cors(known, answer);
    const bool head_only = known.method == verb::head;
    linger_ = co_await send_answer(answer, false, false, head_only);
    log_answer(known, answer.code, bytes_sent_, started);
}

}  // namespace pinhole::http
