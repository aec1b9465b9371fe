#include "server/message_guard.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

using boost::beast::http::verb;

constexpr refusal bad_request(std::string_view detail) {
    return {status::bad_request, detail};
}

bool is_target_byte(char c) {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte > 0x20 && byte != 0x7f;
}

std::optional<refusal> check_version(std::string_view version) {
    const bool well_formed = version.size() == 8 && version.starts_with("HTTP/") &&
                             version[5] >= '0' && version[5] <= '9' && version[6] == '.' &&
                             version[7] >= '0' && version[7] <= '9';
    if (!well_formed) {
        return bad_request("The request line has no HTTP version.");
    }
    if (version != "HTTP/1.1" && version != "HTTP/1.0") {
        return refusal{status::http_version_not_supported,
                       "Only HTTP/1.1 and HTTP/1.0 are spoken."};
    }
    return std::nullopt;
}

/// The port of a `:PORT`; it may be left out behind the colon (RFC 3986 §3.2.3).
bool is_valid_port(std::string_view port) {
    std::uint16_t number = 0;
    const auto* end = port.data() + port.size();
    const auto [last, error] = std::from_chars(port.data(), end, number);
    return port.empty() || (error == std::errc() && last == end);
}

bool is_ipv6_address(std::string_view text) {
    std::array<char, INET6_ADDRSTRLEN> terminated{};
    if (text.size() >= terminated.size()) {
        return false;
    }
    std::ranges::copy(text, terminated.begin());
    in6_addr address{};
    return ::inet_pton(AF_INET6, terminated.data(), &address) == 1;
}

/// reg-name or IPv4address of RFC 3986, not empty. A comma, which a reg-name may have, is refused:
/// that is what two Host lines look like once somebody has joined them.
bool is_host_name(std::string_view name) {
    for (std::size_t i = 0; i < name.size(); ++i) {
        const char c = name[i];
        const bool alphanumeric =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        const bool encoded = c == '%' && name.size() - i > 2 && hex_value(name[i + 1]) >= 0 &&
                             hex_value(name[i + 2]) >= 0;
        if (!alphanumeric && !encoded &&
            std::string_view("-._~!$&'()*+;=").find(c) == std::string_view::npos) {
            return false;
        }
    }
    return !name.empty();
}

/// uri-host [ ":" port ] of RFC 3986, without user information. Not empty.
bool is_valid_host(std::string_view host) {
    const bool bracketed = host.starts_with('[');
    const auto name_end = bracketed ? host.find(']') : std::min(host.find(':'), host.size());
    if (name_end == std::string_view::npos) {
        return false;
    }
    const auto name = host.substr(bracketed ? 1 : 0, name_end - (bracketed ? 1 : 0));
    const auto rest = host.substr(name_end + (bracketed ? 1 : 0));
    return (bracketed ? is_ipv6_address(name) : is_host_name(name)) &&
           (rest.empty() || (rest.starts_with(':') && is_valid_port(rest.substr(1))));
}

/// What stands between the scheme and the path of a target in absolute-form.
std::string_view authority_of(std::string_view absolute_target) {
    const auto begin = absolute_target.find("://") + 3;
    return absolute_target.substr(begin, absolute_target.find_first_of("/?", begin) - begin);
}

bool is_absolute(std::string_view target) {
    return equals_ignoring_case(target.substr(0, 7), "http://") ||
           equals_ignoring_case(target.substr(0, 8), "https://");
}

/// Fields that hold one value and decide what a request does. Two of them would let the server and
/// whoever stands in front of it act upon different ones.
constexpr std::array<std::string_view, 5> single_fields{"authorization", "idempotency-key",
                                                        "content-type", "range", "if-range"};

/// What the fields that frame a message say, gathered in one pass.
struct known_fields {
    std::string_view host, content_length, transfer_encoding, expect;
    unsigned hosts = 0, content_lengths = 0, transfer_encodings = 0, expects = 0;
    bool close = false;
    bool keep_alive = false;
    std::array<bool, single_fields.size()> singles{};
    bool repeated_single = false;
};

void note_single(std::string_view name, known_fields& found) {
    for (std::size_t i = 0; i < single_fields.size(); ++i) {
        if (equals_ignoring_case(name, single_fields[i])) {
            found.repeated_single = found.repeated_single || std::exchange(found.singles[i], true);
        }
    }
}

void read_connection(std::string_view value, known_fields& found) {
    for_each_list_item(value, [&found](std::string_view option) {
        found.close = found.close || equals_ignoring_case(option, "close");
        found.keep_alive = found.keep_alive || equals_ignoring_case(option, "keep-alive");
    });
}

known_fields gather(std::span<const header_view> fields) {
    known_fields found;
    for (const auto& [name, value] : fields) {
        if (equals_ignoring_case(name, "host")) {
            found.host = value;
            ++found.hosts;
        } else if (equals_ignoring_case(name, "content-length")) {
            found.content_length = value;
            ++found.content_lengths;
        } else if (equals_ignoring_case(name, "transfer-encoding")) {
            found.transfer_encoding = value;
            ++found.transfer_encodings;
        } else if (equals_ignoring_case(name, "expect")) {
            found.expect = value;
            ++found.expects;
        } else if (equals_ignoring_case(name, "connection")) {
            read_connection(value, found);
        } else {
            note_single(name, found);
        }
    }
    return found;
}

std::optional<refusal> check_target(const message_line& line, const known_fields& found) {
    if (line.target.starts_with('/') || line.method == verb::connect) {
        return std::nullopt;
    }
    if (line.target == "*" && line.method == verb::options) {
        return std::nullopt;
    }
    if (is_absolute(line.target)) {
        // HTTP/1.0 has no Host: then the authority speaks for itself.
        const auto authority = authority_of(line.target);
        if (found.hosts == 0 ? is_valid_host(authority)
                             : equals_ignoring_case(authority, found.host)) {
            return std::nullopt;
        }
    }
    return bad_request("The request target must be a path that starts with a slash.");
}

std::optional<refusal> check_host(const known_fields& found, unsigned version) {
    if (found.hosts > 1) {
        return bad_request("The request has more than one Host field.");
    }
    if (found.hosts == 0 && version >= 11) {
        return bad_request("The request has no Host field.");
    }
    if (found.hosts == 1 && !is_valid_host(found.host)) {
        return bad_request("The Host field is not valid.");
    }
    return std::nullopt;
}

std::optional<refusal> read_body_framing(const known_fields& found, unsigned version,
                                         message_framing& framing) {
    if (found.transfer_encodings > 0) {
        if (found.content_lengths > 0) {
            return bad_request("Content-Length and Transfer-Encoding exclude each other.");
        }
        if (version < 11) {
            return bad_request("HTTP/1.0 has no Transfer-Encoding.");
        }
        if (found.transfer_encodings > 1 ||
            !equals_ignoring_case(found.transfer_encoding, "chunked")) {
            return bad_request("The only Transfer-Encoding understood is chunked.");
        }
        framing.body = body_framing::chunked;
        return std::nullopt;
    }
    if (found.content_lengths == 0) {
        return std::nullopt;
    }
    const auto text = found.content_length;
    const auto* end = text.data() + text.size();
    const bool digits_only =
        !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
    std::uint64_t length = 0;
    if (found.content_lengths > 1 || !digits_only ||
        std::from_chars(text.data(), end, length).ec != std::errc()) {
        return bad_request("The request needs exactly one Content-Length, a decimal number.");
    }
    framing.content_length = length;
    framing.body = length > 0 ? body_framing::length : body_framing::none;
    return std::nullopt;
}

}  // namespace

/// One pass without branches, which the compiler turns into vector code.
bool has_forbidden_byte(std::string_view text) {
    unsigned bad = 0;
    char previous = 0;
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        const bool control = (byte < 0x20 && byte != '\t' && byte != '\r' && byte != '\n');
        bad |= static_cast<unsigned>(control | (byte == 0x7f) |
                                     ((previous == '\r') != (byte == '\n')));
        previous = c;
    }
    return bad != 0;
}

std::expected<std::size_t, refusal> header_scanner::scan(std::string_view received) {
    // A TLS client sends no line end, and waits for an answer as this server waits for one.
    if (!received.empty() && received.front() != '\r' && received.front() != '\n' &&
        !is_token(received.substr(0, 1))) {
        return std::unexpected(bad_request("The request does not begin with a method."));
    }
    for (;;) {
        const auto line_end = received.find('\n', scanned_);
        if (line_end == std::string_view::npos) {
            scanned_ = received.size();
            return 0;
        }
        if (line_end == 0 || received[line_end - 1] != '\r') {
            return std::unexpected(bad_request("A header line ends without a carriage return."));
        }
        const auto line = received.substr(line_begin_, line_end - 1 - line_begin_);
        if (line.empty()) {
            return line_end + 1;
        }
        if (line.front() == ' ' || line.front() == '\t') {
            return std::unexpected(bad_request("Folded header lines are not accepted."));
        }
        line_begin_ = scanned_ = line_end + 1;
    }
}

std::optional<refusal> check_header_bytes(std::string_view header, std::size_t target_bytes_max) {
    if (has_forbidden_byte(header)) {
        return bad_request("The header has a control character.");
    }
    const auto line = header.substr(0, header.find('\r'));
    const auto method_end = line.find(' ');
    const auto target_end = line.rfind(' ');
    if (method_end == std::string_view::npos || method_end == target_end) {
        return bad_request("The request line needs a method, a target and a version.");
    }
    if (!is_token(line.substr(0, method_end))) {
        return bad_request("The method is not a token.");
    }
    if (const auto wrong = check_version(line.substr(target_end + 1))) {
        return wrong;
    }
    const auto target = line.substr(method_end + 1, target_end - method_end - 1);
    if (target.size() > target_bytes_max) {
        return refusal{status::uri_too_long, "The request target is too long."};
    }
    if (target.empty() || !std::ranges::all_of(target, is_target_byte)) {
        return bad_request("The request target has a forbidden character.");
    }
    return std::nullopt;
}

std::expected<message_framing, refusal> check_message(const message_line& line,
                                                      std::span<const header_view> fields) {
    const auto found = gather(fields);
    message_framing framing;
    if (const auto wrong = check_host(found, line.version)) {
        return std::unexpected(*wrong);
    }
    if (const auto wrong = check_target(line, found)) {
        return std::unexpected(*wrong);
    }
    if (const auto wrong = read_body_framing(found, line.version, framing)) {
        return std::unexpected(*wrong);
    }
    if (found.repeated_single) {
        return std::unexpected(bad_request("A field that has one value is there twice."));
    }
    if (found.expects > 0 && line.version >= 11) {
        if (found.expects > 1 || !equals_ignoring_case(found.expect, "100-continue")) {
            return std::unexpected(
                refusal{status::expectation_failed, "The only expectation met is 100-continue."});
        }
        framing.expects_continue = framing.body != body_framing::none;
    }
    // CONNECT is known, but whoever sends it takes the connection for a tunnel from then on.
    if (line.method == verb::unknown || line.method == verb::connect) {
        return std::unexpected(
            refusal{status::not_implemented, "The method is not implemented here."});
    }
    framing.keep_alive = !found.close && (line.version >= 11 || found.keep_alive);
    return framing;
}

std::string_view origin_form(verb method, std::string_view target) {
    if (!is_absolute(target)) {
        return target;
    }
    const auto path = target.find_first_of("/?", target.find("://") + 3);
    if (path != std::string_view::npos) {
        return target.substr(path);
    }
    return method == verb::options ? "*" : "/";
}

}  // namespace pinhole::http
