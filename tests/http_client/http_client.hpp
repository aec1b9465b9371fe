// A small blocking HTTP/1.1 client for tests.
//
// It shares no code with the server, sends whatever bytes it is told to, and fails loudly: whatever
// does not come before the deadline is an exception, never a hang.
// Thread-safety: one user at a time. Blocking: every call, up to the deadline.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinhole::test {

using header_list = std::vector<std::pair<std::string, std::string>>;

/// The server did not do what HTTP asks of it, or not in time.
struct http_failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The server closed the connection in such a way that bytes may have been lost.
struct connection_reset : http_failure {
    using http_failure::http_failure;
};

/// The connection ended in the middle of an answer.
struct cut_answer : http_failure {
    using http_failure::http_failure;
};

struct http_response {
    unsigned status = 0;
    header_list headers;
    std::string body;

    /// The first field of that name, whatever its case; empty if there is none.
    std::string header(std::string_view name) const;
    bool has_header(std::string_view name) const;
};

/// Longer than the server's limit for a handler, so that a slow answer is the server's own.
inline constexpr std::chrono::seconds default_patience{70};

class http_client {
public:
    explicit http_client(std::uint16_t port, std::chrono::milliseconds patience = default_patience,
                         std::string ipv4_address = "127.0.0.1");
    http_client(const http_client&) = delete;
    http_client& operator=(const http_client&) = delete;
    http_client(http_client&& other) noexcept;
    ~http_client();

    /// Sends a request and reads the whole answer. Host is added, and Content-Length where there is
    /// a body or the method usually has one. Connects anew if the last answer ended the connection.
    http_response request(std::string_view method, std::string_view target,
                          const header_list& headers = {}, std::string_view body = {});

    /// Raw bytes, all of them.
    void send(std::string_view bytes);
    /// The same, but says how many went before the server closed the connection.
    std::size_t send_until_closed(std::string_view bytes);
    /// Whatever comes next, at most so many bytes; 0 if the server has closed. Throws on a reset.
    /// Not to be mixed with `receive`.
    std::size_t receive_some(std::size_t bytes_max);
    /// Has the kernel keep no more than about so much of what was not received yet.
    void limit_receive_buffer(int bytes);
    /// One answer, a `100 Continue` included. `head`: it has no body whatever its length says.
    http_response receive(bool head = false);
    /// The same, or nothing if the server has closed instead.
    std::optional<http_response> receive_unless_closed();
    /// Everything until the server closes. A reset counts as closing only if `reset_is_end`.
    std::string receive_until_closed(bool reset_is_end = false);
    /// Says that nothing more will be sent.
    void shutdown_send();
    /// Closing will throw away what is on its way and reset the connection.
    void reset_when_closed();
    void reconnect();

private:
    void disconnect();
    bool read_more();
    bool read_more_of_answer();
    void wait_for(short events, std::chrono::steady_clock::time_point deadline) const;
    std::string take(std::size_t bytes);

    std::string address_;
    std::uint16_t port_;
    std::chrono::milliseconds patience_;
    int fd_ = -1;
    bool ended_ = false;  ///< the last answer said that the connection ends
    std::string received_;
};

/// Builds a `multipart/form-data` body.
class multipart_body {
public:
    multipart_body& field(std::string_view name, std::string_view value);
    multipart_body& file(std::string_view name, std::string_view filename,
                         std::string_view content_type, std::string_view bytes);

    std::string content_type() const;
    std::string text() const;

private:
    std::string parts_;
};

/// The bytes of a file. Throws std::runtime_error if it can't be read.
std::string read_file(const std::string& path);

}  // namespace pinhole::test
