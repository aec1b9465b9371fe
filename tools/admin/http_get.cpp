#include "tools/admin/http_get.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "storage/base/unique_fd.hpp"
#include "storage/base/work.hpp"

namespace pinhole::admin {

namespace {

using clock = std::chrono::steady_clock;

/// An answer to a health check is some hundred bytes.
constexpr std::size_t answer_bytes_max = 64 * 1024;
/// A signal may come just before a wait: so long at most it is not heeded then.
constexpr std::chrono::milliseconds wait_max{100};

union socket_address {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

[[noreturn]] void fail(const endpoint& server, std::string_view why) {
    throw std::runtime_error{fmt::format("{} {}", to_string(server), why)};
}

/// Its length; 0 if the text is no address.
socklen_t fill(socket_address& filled, const endpoint& from) {
    filled = {};
    if (from.is_v6) {
        filled.v6.sin6_family = AF_INET6;
        filled.v6.sin6_port = htons(from.port);
        return ::inet_pton(AF_INET6, from.address.c_str(), &filled.v6.sin6_addr) == 1
                   ? sizeof filled.v6
                   : 0;
    }
    filled.v4.sin_family = AF_INET;
    filled.v4.sin_port = htons(from.port);
    return ::inet_pton(AF_INET, from.address.c_str(), &filled.v4.sin_addr) == 1 ? sizeof filled.v4
                                                                                : 0;
}

/// One connection, until the deadline.
class connection {
public:
    connection(const endpoint& server, std::chrono::milliseconds timeout,
               const std::stop_token& stop)
        : server_(server), timeout_(timeout), deadline_(clock::now() + timeout), stop_(stop) {
        socket_address address;
        const socklen_t bytes = fill(address, server);
        socket_.reset(
            ::socket(address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (!socket_) {
            fail(server, std::strerror(errno));
        }
        if (::connect(socket_.get(), &address.any, bytes) == 0) {
            return;
        }
        if (errno != EINPROGRESS) {
            fail_to_connect(errno);
        }
        wait_for(POLLOUT);
        int error = 0;
        socklen_t error_bytes = sizeof error;
        ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &error_bytes);
        if (error != 0) {
            fail_to_connect(error);
        }
    }

    void send(std::string_view bytes) {
        while (!bytes.empty()) {
            wait_for(POLLOUT);
            const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent < 0 && errno != EAGAIN && errno != EINTR) {
                fail(server_, std::strerror(errno));
            }
            bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
        }
    }

    std::string receive_until_closed() {
        std::string received;
        std::array<char, 4096> piece;
        for (;;) {
            wait_for(POLLIN);
            const ssize_t bytes = ::recv(socket_.get(), piece.data(), piece.size(), 0);
            if (bytes == 0) {
                return received;
            }
            if (bytes < 0 && errno != EAGAIN && errno != EINTR) {
                fail(server_, std::strerror(errno));
            }
            received.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(bytes, 0)));
            if (received.size() > answer_bytes_max) {
                fail(server_, "answers too much: it is no Pinhole server");
            }
        }
    }

private:
    [[noreturn]] void fail_to_connect(int error) const {
        fail(server_, fmt::format("cannot be reached: {}", std::strerror(error)));
    }

    void wait_for(short events) const {
        for (;;) {
            if (stop_.stop_requested()) {
                throw storage::work_interrupted{};
            }
            const auto left =
                std::chrono::ceil<std::chrono::milliseconds>(deadline_ - clock::now());
            if (left.count() <= 0) {
                fail(server_, fmt::format("did not answer within {} s",
                                          std::chrono::duration<double>(timeout_).count()));
            }
            pollfd waiting{.fd = socket_.get(), .events = events, .revents = 0};
            const int ready =
                ::poll(&waiting, 1, static_cast<int>(std::min(left, wait_max).count()));
            if (ready > 0) {
                return;
            }
            if (ready < 0 && errno != EINTR) {
                fail(server_, std::strerror(errno));
            }
        }
    }

    const endpoint& server_;
    std::chrono::milliseconds timeout_;
    clock::time_point deadline_;
    const std::stop_token& stop_;
    unique_fd socket_;
};

/// `HTTP/1.1 200 OK`, fields, an empty line, and the rest up to the end of the connection.
std::optional<http_answer> parse_answer(std::string_view received) {
    constexpr std::string_view front = "HTTP/1.1 ";
    constexpr std::size_t status_digits = 3;
    const auto header_end = received.find("\r\n\r\n");
    if (!received.starts_with(front) || header_end == std::string_view::npos ||
        header_end < front.size() + status_digits) {
        return std::nullopt;
    }
    const char* const digits = received.data() + front.size();
    http_answer answer;
    const auto [end, error] = std::from_chars(digits, digits + status_digits, answer.status);
    if (error != std::errc{} || end != digits + status_digits) {
        return std::nullopt;
    }
    answer.body = received.substr(header_end + 4);
    return answer;
}

}  // namespace

std::expected<endpoint, std::string> parse_endpoint(std::string_view text) {
    const auto wrong = [text](std::string_view why) {
        return std::unexpected{fmt::format("'{}' {}", text, why)};
    };
    constexpr std::string_view is_none =
        "is no address: use ADDR:PORT or [V6]:PORT, e.g. 127.0.0.1:8080";
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return wrong(is_none);
    }
    auto host = text.substr(0, colon);
    const auto port = text.substr(colon + 1);
    endpoint parsed;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), parsed.port);
    if (port.empty() || error != std::errc{} || end != port.data() + port.size()) {
        return wrong(is_none);
    }
    if (parsed.port == 0) {
        return wrong("names no port: say on which one the server listens");
    }
    parsed.is_v6 = host.starts_with('[') && host.ends_with(']');
    if (parsed.is_v6) {
        host = host.substr(1, host.size() - 2);
    }
    parsed.address = host;
    socket_address unused;
    return fill(unused, parsed) > 0 ? std::expected<endpoint, std::string>{parsed} : wrong(is_none);
}

endpoint to_reachable(endpoint listening) {
    socket_address address;
    fill(address, listening);
    if (listening.is_v6 && IN6_IS_ADDR_UNSPECIFIED(&address.v6.sin6_addr)) {
        listening.address = "::1";
    } else if (!listening.is_v6 && address.v4.sin_addr.s_addr == htonl(INADDR_ANY)) {
        listening.address = "127.0.0.1";
    }
    return listening;
}

std::string to_string(const endpoint& endpoint) {
    return endpoint.is_v6 ? fmt::format("[{}]:{}", endpoint.address, endpoint.port)
                          : fmt::format("{}:{}", endpoint.address, endpoint.port);
}

http_answer http_get(const endpoint& server, std::string_view target,
                     std::chrono::milliseconds timeout, const std::stop_token& stop) {
    connection opened{server, timeout, stop};
    opened.send(fmt::format(
        "GET {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: pinhole-admin\r\nConnection: close\r\n\r\n",
        target, to_string(server)));
    auto answer = parse_answer(opened.receive_until_closed());
    if (!answer) {
        fail(server, "does not answer as a Pinhole server does");
    }
    return *answer;
}

}  // namespace pinhole::admin
