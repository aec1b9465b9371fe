#include "tests/http_client/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

namespace pinhole::test {
namespace {

constexpr std::string_view boundary = "----pinhole-test-boundary-7MA4YWxkTrZu0gW";

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return std::ranges::equal(a, b, [](char x, char y) {
        return std::tolower(static_cast<unsigned char>(x)) ==
               std::tolower(static_cast<unsigned char>(y));
    });
}

[[noreturn]] void fail(std::string_view what) {
    throw http_failure(std::string(what) + ": " + std::strerror(errno));
}

std::size_t parse_number(std::string_view text, int base = 10) {
    std::size_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc() || last != end) {
        throw http_failure("not a number: " + std::string(text));
    }
    return value;
}

http_response parse_header(std::string_view text) {
    http_response parsed;
    const auto line = text.substr(0, text.find("\r\n"));
    if (!line.starts_with("HTTP/1.1 ") || line.size() < 12) {
        throw http_failure("no status line: " + std::string(line));
    }
    parsed.status = static_cast<unsigned>(parse_number(line.substr(9, 3)));
    text.remove_prefix(line.size() + 2);
    while (!text.starts_with("\r\n")) {
        const auto end = text.find("\r\n");
        const auto field = text.substr(0, end);
        const auto colon = field.find(": ");
        if (colon == std::string_view::npos) {
            throw http_failure("malformed field: " + std::string(field));
        }
        parsed.headers.emplace_back(field.substr(0, colon), field.substr(colon + 2));
        text.remove_prefix(end + 2);
    }
    return parsed;
}

}  // namespace

std::string http_response::header(std::string_view name) const {
    for (const auto& [key, value] : headers) {
        if (equals_ignoring_case(key, name)) {
            return value;
        }
    }
    return {};
}

bool http_response::has_header(std::string_view name) const {
    return std::ranges::any_of(
        headers, [name](const auto& field) { return equals_ignoring_case(field.first, name); });
}

http_client::http_client(std::uint16_t port, std::chrono::milliseconds patience,
                         std::string ipv4_address)
    : address_(std::move(ipv4_address)), port_(port), patience_(patience) {
    reconnect();
}

http_client::http_client(http_client&& other) noexcept
    : address_(std::move(other.address_)),
      port_(other.port_),
      patience_(other.patience_),
      fd_(std::exchange(other.fd_, -1)),
      ended_(other.ended_),
      received_(std::move(other.received_)) {}

http_client::~http_client() {
    disconnect();
}

void http_client::disconnect() {
    if (fd_ >= 0) {
        ::close(fd_);
        fd_ = -1;
    }
}

void http_client::reconnect() {
    disconnect();
    received_.clear();
    ended_ = false;
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
        fail("socket");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    if (::inet_pton(AF_INET, address_.c_str(), &address.sin_addr) != 1) {
        throw http_failure("not an IPv4 address: " + address_);
    }
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        fail("connect");
    }
    const int on = 1;
    if (::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        fail("setsockopt");
    }
}

void http_client::wait_for(short events, std::chrono::steady_clock::time_point deadline) const {
    for (;;) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd waiting{.fd = fd_, .events = events, .revents = 0};
        const int ready =
            ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready > 0) {
            return;
        }
        if (ready == 0) {
            throw http_failure("the server took too long");
        }
        if (errno != EINTR) {
            fail("poll");
        }
    }
}

std::size_t http_client::send_until_closed(std::string_view bytes) {
    const auto deadline = std::chrono::steady_clock::now() + patience_;
    std::size_t total = 0;
    while (total < bytes.size()) {
        const auto sent =
            ::send(fd_, bytes.data() + total, bytes.size() - total, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            total += static_cast<std::size_t>(sent);
        } else if (errno == EAGAIN) {
            wait_for(POLLOUT, deadline);
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return total;
        } else if (errno != EINTR) {
            fail("send");
        }
    }
    return total;
}

void http_client::send(std::string_view bytes) {
    if (send_until_closed(bytes) != bytes.size()) {
        throw http_failure("the server closed the connection while it was sent to");
    }
}

/// False when the server has closed.
bool http_client::read_more() {
    std::array<char, 64 * 1024> buffer;
    wait_for(POLLIN, std::chrono::steady_clock::now() + patience_);
    const auto bytes = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (bytes < 0 && errno == ECONNRESET) {
        throw connection_reset("the server reset the connection");
    }
    if (bytes < 0) {
        fail("recv");
    }
    received_.append(buffer.data(), static_cast<std::size_t>(bytes));
    return bytes > 0;
}

/// The same; a reset is an end like any other.
bool http_client::read_more_of_answer() {
    try {
        return read_more();
    } catch (const connection_reset&) {
        return false;
    }
}

std::size_t http_client::receive_some(std::size_t bytes_max) {
    std::string buffer(bytes_max, '\0');
    wait_for(POLLIN, std::chrono::steady_clock::now() + patience_);
    const auto bytes = ::recv(fd_, buffer.data(), buffer.size(), 0);
    if (bytes < 0) {
        fail("recv");
    }
    return static_cast<std::size_t>(bytes);
}

void http_client::limit_receive_buffer(int bytes) {
    if (::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) != 0) {
        fail("setsockopt");
    }
}

std::string http_client::take(std::size_t bytes) {
    while (received_.size() < bytes) {
        if (!read_more_of_answer()) {
            throw cut_answer("the connection closed in the middle of an answer");
        }
    }
    auto taken = received_.substr(0, bytes);
    received_.erase(0, bytes);
    return taken;
}

http_response http_client::receive(bool head) {
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos) {
        if (!read_more_of_answer()) {
            throw received_.empty() ? http_failure("the connection closed before an answer came")
                                    : cut_answer("the connection closed in a header");
        }
    }
    auto answer = parse_header(take(end + 4));
    const bool bodiless =
        head || answer.status < 200 || answer.status == 204 || answer.status == 304;
    if (!bodiless) {
        if (!answer.has_header("Content-Length")) {
            throw http_failure("an answer without Content-Length");
        }
        answer.body = take(parse_number(answer.header("Content-Length")));
    }
    ended_ = equals_ignoring_case(answer.header("Connection"), "close");
    return answer;
}

std::optional<http_response> http_client::receive_unless_closed() {
    if (received_.empty() && !read_more()) {
        return std::nullopt;
    }
    return receive();
}

std::string http_client::receive_until_closed(bool reset_is_end) {
    try {
        while (read_more()) {
        }
    } catch (const connection_reset&) {
        if (!reset_is_end) {
            throw;
        }
    }
    return std::exchange(received_, {});
}

void http_client::shutdown_send() {
    if (::shutdown(fd_, SHUT_WR) != 0) {
        fail("shutdown");
    }
}

void http_client::reset_when_closed() {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    if (::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) != 0) {
        fail("setsockopt");
    }
}

http_response http_client::request(std::string_view method, std::string_view target,
                                   const header_list& headers, std::string_view body) {
    if (ended_) {
        reconnect();
    }
    std::string message;
    message.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\n");
    for (const auto& [name, value] : headers) {
        message.append(name).append(": ").append(value).append("\r\n");
    }
    if (!body.empty() || method == "POST" || method == "PUT" || method == "PATCH") {
        message.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n");
    }
    message.append("\r\n").append(body);
    // A server that refuses early answers while it is still being sent to.
    send_until_closed(message);
    auto answer = receive(method == "HEAD");
    while (answer.status < 200) {
        answer = receive(method == "HEAD");
    }
    return answer;
}

multipart_body& multipart_body::field(std::string_view name, std::string_view value) {
    parts_.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=\"");
    parts_.append(name).append("\"\r\n\r\n").append(value).append("\r\n");
    return *this;
}

multipart_body& multipart_body::file(std::string_view name, std::string_view filename,
                                     std::string_view content_type, std::string_view bytes) {
    parts_.append("--").append(boundary).append("\r\nContent-Disposition: form-data; name=\"");
    parts_.append(name).append("\"; filename=\"").append(filename).append("\"\r\nContent-Type: ");
    parts_.append(content_type).append("\r\n\r\n").append(bytes).append("\r\n");
    return *this;
}

std::string multipart_body::content_type() const {
    return "multipart/form-data; boundary=" + std::string(boundary);
}

std::string multipart_body::text() const {
    return parts_ + "--" + std::string(boundary) + "--\r\n";
}

std::string read_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        throw std::runtime_error("can't read " + path);
    }
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace pinhole::test
