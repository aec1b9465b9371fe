// The HTTP server: sockets, threads, limits and deadlines around a router.
//
// One io_context and one thread for each core; a connection is given to one of them for good, so
// its code needs no lock. One timer for each thread walks its connections four times a second and
// ends those past their deadline, so that no read or write pays for a timer of its own.
//
// Order of life: make the server first, then whatever its handlers use, then `start` it; at the end
// `drain` or `stop` it, close the pools, and destroy in reverse. Completions that come late from a
// pool then still find the executor they belong to.
//
// Thread-safety: `drain`, `stop`, `connections` and `statistics` from any thread; the rest from the
// owner's.
// Blocking: `drain` until the last connection has ended, `stop` and the destructor for the threads.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/blocking_pool.hpp"
#include "server/client_address.hpp"
#include "server/log.hpp"
#include "server/request_metrics.hpp"
#include "server/router.hpp"

namespace pinhole::http {

struct server_options {
    boost::asio::ip::tcp::endpoint listen{boost::asio::ip::address_v4::loopback(), 0};
    unsigned io_threads = 0;  ///< 0: one for each core

    std::size_t header_bytes_max = 16 * 1024;
    std::size_t target_bytes_max = 8 * 1024;
    std::size_t body_bytes_max = 64 * 1024;  ///< until the handler sets a limit of its own
    /// Lowered to what the limit of open files allows. Beyond it a connection gives way that has
    /// idled for `idle_before_giving_way`: who asks again and again keeps his own.
    std::size_t connections_max = 20'000;
    std::chrono::milliseconds idle_before_giving_way{1'000};
    std::size_t connections_per_address_max = 0;  ///< 0: none; loopback is never limited
    http::trusted_proxies trusted_proxies;        ///< they say who a request's client is

    std::chrono::milliseconds header_timeout{10'000};   ///< for the whole header
    std::chrono::milliseconds idle_timeout{60'000};     ///< between requests
    std::chrono::milliseconds handler_timeout{60'000};  ///< while the client is not waited for
    std::chrono::milliseconds transfer_grace{10'000};  ///< a body or answer may stand still so long
    std::uint64_t bytes_per_second_min = 8 * 1024;     ///< below it on average a transfer ends
    std::chrono::milliseconds linger_timeout{3'000};   ///< to let an error answer arrive

    /// Threads that read what the page cache does not hold of a file to be sent, so that no io
    /// thread waits for the disk. A download waits its turn; where too many do, it is cut off.
    unsigned file_threads = 4;
    std::size_t file_queue_max = 4096;

    /// Turns what a handler threw into an answer; none (or no function) means a plain 500. The
    /// server has logged the exception already. Called on an io thread.
    std::function<std::optional<response>(std::exception_ptr)> translate_exception;
};

/// `ADDR:PORT` or `[V6]:PORT`. Errors: a message for the operator.
std::expected<boost::asio::ip::tcp::endpoint, std::string> parse_endpoint(std::string_view text);
std::string to_string(const boost::asio::ip::tcp::endpoint& endpoint);

/// How many of the wanted connections a process may admit that may have so many open files. A
/// connection needs one and, while it sends a file, a second; some are kept for the database, which
/// may never be the one to go without. Errors: a message for the operator, if too few are left to
/// be of use.
std::expected<std::size_t, std::string> affordable_connections(std::size_t wanted,
                                                               std::uint64_t open_files_max);

class server {
public:
    /// Takes no connection yet. Raises the limit of open files as far as the system lets it.
    /// Errors: throws std::runtime_error if that is too low to serve (`affordable_connections`).
    server(server_options options, logger& log);
    server(const server&) = delete;
    server& operator=(const server&) = delete;
    ~server();

    /// Listens and starts the threads. Called once.
    /// Errors: throws boost::system::system_error if the address can't be had.
    void start(router routes);

    /// Where it listens: with port 0 given, the port the system chose. Requires: started.
    boost::asio::ip::tcp::endpoint local_endpoint() const;

    /// Stops accepting, closes idle connections, lets requests in flight finish (their answers say
    /// `Connection: close`) for at most `patience`, then ends what is left and joins the threads.
    /// True if nothing had to be cut off. A second call from another thread ends it at once.
    bool drain(std::chrono::milliseconds patience);

    /// Ends everything at once and joins the threads.
    void stop();

    std::size_t connections() const;

    /// What it has counted so far; nothing before it has started. From any thread.
    server_statistics statistics() const;

    /// Where files are read that are not in the page cache (see server_options::file_threads).
    blocking_pool& file_pool();
    const blocking_pool& file_pool() const;

private:
    class implementation;
    std::unique_ptr<implementation> implementation_;
};

}  // namespace pinhole::http
