#include "server/server.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "server/admission.hpp"
#include "server/client_address.hpp"
#include "server/connection.hpp"
#include "server/io_shard.hpp"
#include "server/problem.hpp"
#include "server/response_header.hpp"
#include "server/unique_fd.hpp"
#include "server/use_result.hpp"

namespace pinhole::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

/// How long accepting pauses when it fails, mostly for want of descriptors: spinning frees none.
constexpr std::chrono::milliseconds accept_pause{100};
/// Being turned away is logged once in so long, however many come.
constexpr std::chrono::seconds overload_log_interval{1};

/// Kept for the database's files (at most 256, see its options), its directories, the listener, the
/// threads' event queues and uploads on their way.
constexpr std::uint64_t open_files_reserved = 512;
constexpr std::uint64_t open_files_per_connection = 2;
/// Fewer are no service: a single browser opens six.
constexpr std::size_t connections_min = 16;

/// Not more than this lies unsent in the kernel for one connection. The default is megabytes, of
/// which a third must leave before Linux reports room for more: a slow reader would seem to stand
/// still for as long as that takes, and an answer would hold that much memory.
constexpr int unsent_bytes_max = 128 * 1024;

boost::system::error_code limit_unsent_bytes(int socket) {
    const int bytes = unsent_bytes_max;
    const int failed = ::setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
    return {failed == 0 ? 0 : errno, boost::system::system_category()};
}

/// The limit after raising it as far as the system lets us.
std::uint64_t raise_open_files_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        throw boost::system::system_error(errno, boost::system::system_category(), "getrlimit");
    }
    const auto before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    // If the system refuses, the old limit holds.
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : before;
}

/// `wanted`, or what the limit of open files allows if that is less.
std::size_t choose_connections_max(std::size_t wanted, logger& log) {
    const auto open_files_max = raise_open_files_limit();
    const auto affordable = affordable_connections(wanted, open_files_max);
    if (!affordable) {
        throw std::runtime_error(affordable.error());
    }
    if (*affordable < wanted) {
        log.warning(
            "fewer connections are admitted than configured: the limit of open files "
            "(ulimit -n) is too low",
            {{"configured", std::to_string(wanted)},
             {"admitted", std::to_string(*affordable)},
             {"open_files_max", std::to_string(open_files_max)}});
    }
    return *affordable;
}

asio::awaitable<void> serve_connection(io_shard& shard, tcp::socket socket,
                                       admission::ticket ticket) {
    connection connection(shard, std::move(socket), std::move(ticket));
    co_await connection.run();
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, port);
    return error == std::errc() && last == end && !text.empty() ? std::optional(port)
                                                                : std::nullopt;
}

}  // namespace

std::expected<std::size_t, std::string> affordable_connections(std::size_t wanted,
                                                               std::uint64_t open_files_max) {
    const auto spare = open_files_max - std::min(open_files_max, open_files_reserved);
    const auto affordable = static_cast<std::size_t>(
        std::min<std::uint64_t>(wanted, spare / open_files_per_connection));
    const auto needed = std::min(wanted, connections_min);
    if (affordable < needed) {
        return std::unexpected(
            "the limit of open files (ulimit -n) is " + std::to_string(open_files_max) +
            ", at least " +
            std::to_string(open_files_reserved + open_files_per_connection * needed) +
            " are needed");
    }
    return affordable;
}

std::expected<tcp::endpoint, std::string> parse_endpoint(std::string_view text) {
    const auto failure = [text] {
        return std::unexpected("'" + std::string(text) +
                               "' is no listen address: use ADDR:PORT or [V6]:PORT, "
                               "e.g. 127.0.0.1:8080");
    };
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos) {
        return failure();
    }
    auto host = text.substr(0, colon);
    const auto port = parse_port(text.substr(colon + 1));
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed) {
        host = host.substr(1, host.size() - 2);
    }
    boost::system::error_code ec;
    const auto address = asio::ip::make_address(host, ec);
    if (ec || !port || address.is_v6() != bracketed) {
        return failure();
    }
    return tcp::endpoint(address, *port);
}

std::string to_string(const tcp::endpoint& endpoint) {
    const auto address = endpoint.address().to_string();
    const auto port = std::to_string(endpoint.port());
    return endpoint.address().is_v6() ? "[" + address + "]:" + port : address + ":" + port;
}

class server::implementation {
public:
    implementation(server_options options, logger& log)
        : options_(std::move(options)),
          log_(log),
          connections_max_(choose_connections_max(options_.connections_max, log)),
          admission_(connections_max_, options_.connections_per_address_max),
          file_pool_("file", options_.file_threads, options_.file_queue_max) {
        if (options_.io_threads == 0) {
            options_.io_threads = std::max(1U, std::thread::hardware_concurrency());
        }
        std::random_device random;
        for (unsigned i = 0; i < options_.io_threads; ++i) {
            const auto seed = (static_cast<std::uint64_t>(random()) << 32) | random();
            shards_.push_back(std::make_unique<io_shard>(options_, log_, file_pool_, seed));
        }
    }
    implementation(const implementation&) = delete;
    implementation& operator=(const implementation&) = delete;
    ~implementation() {
        stop();
        // What it still reads is a suspended connection's, which goes with its shard.
        file_pool_.close();
    }

    void start(router routes) {
        assert(!acceptor_);
        routes_.emplace(std::move(routes));
        for (auto& shard : shards_) {
            shard->prepare(*routes_);
        }
        auto& context = shards_.front()->context();
        acceptor_.emplace(context, options_.listen, /*reuse_addr=*/true);
        endpoint_ = acceptor_->local_endpoint();
        asio::co_spawn(context, accept_connections(), [this](const std::exception_ptr& thrown) {
            report(thrown, "accepting connections ended");
        });
        for (auto& shard : shards_) {
            threads_.emplace_back([&shard = *shard] { shard.run(); });
        }
        started_.store(true, std::memory_order_release);
    }

    server_statistics statistics() const {
        if (!started_.load(std::memory_order_acquire)) {
            return {};
        }
        std::vector<const request_metrics*> threads;
        threads.reserve(shards_.size());
        for (const auto& shard : shards_) {
            threads.push_back(&std::as_const(*shard).metrics());
        }
        auto sum = request_metrics::sum(threads, routes_->patterns());
        sum.connections_open = admission_.count();
        sum.connections_max = connections_max_;
        return sum;
    }

    tcp::endpoint local_endpoint() const { return endpoint_; }
    std::size_t connections() const { return admission_.count(); }
    blocking_pool& file_pool() { return file_pool_; }

    bool drain(std::chrono::milliseconds patience) {
        {
            const std::lock_guard lock(mutex_);
            if (std::exchange(draining_, true)) {
                admission_.give_up();
                return false;
            }
        }
        asio::post(shards_.front()->context(), [this] {
            boost::system::error_code ignored;  // closed is closed
            acceptor_->close(ignored);
        });
        for (auto& shard : shards_) {
            shard->begin_drain();
        }
        const bool empty = admission_.wait_until_empty(std::chrono::steady_clock::now() + patience);
        stop();
        return empty;
    }

    void stop() {
        admission_.give_up();
        const std::lock_guard lock(stop_mutex_);
        for (auto& shard : shards_) {
            shard->stop();
        }
        for (auto& thread : threads_) {
            thread.join();
        }
        threads_.clear();
    }

private:
    /// Goes on whatever happens, until the acceptor is closed: a server that accepts nobody any
    /// more is down, though it seems to run.
    asio::awaitable<void> accept_connections() {
        asio::steady_timer pause(shards_.front()->context());
        for (bool troubled = false; acceptor_->is_open();) {
            try {
                if (std::exchange(troubled, false)) {
                    pause.expires_after(accept_pause);
                    co_await pause.async_wait(use_result);
                }
                co_await accept_until_closed();
            } catch (const std::exception& trouble) {
                troubled = true;
                log_.warning("accepting pauses", {{"what", trouble.what()}});
            }
        }
    }

    /// Errors: throws what keeps it from accepting.
    asio::awaitable<void> accept_until_closed() {
        for (;;) {
            const std::size_t home = turn_++ % shards_.size();
            auto [ec, socket] =
                co_await acceptor_->async_accept(shards_[home]->context(), use_result);
            if (!acceptor_->is_open()) {
                co_return;
            }
            if (ec) {
                throw boost::system::system_error(ec);
            }
            take(home, std::move(socket));
        }
    }

    void take(std::size_t home, tcp::socket socket) {
        boost::system::error_code ec;
        const auto peer = socket.remote_endpoint(ec);
        if (ec) {
            return;  // gone already
        }
        const auto address = unmapped(peer.address());
        auto ticket = admission_.try_enter(address);
        if (ticket) {
            begin(*shards_[home], std::move(socket), std::move(*ticket));
        } else if (ticket.error() == rejection::full) {
            // Without its executor: it is to pass through other shards, and may outlive its own.
            unique_fd late(socket.release(ec));
            if (!ec) {
                make_room(home, 0, std::move(late), address);
            }
        } else {
            auto& shard = *shards_.front();  // the one whose thread accepts
            shard.metrics().turned_away_address.add();
            turn_away(shard, socket);
        }
    }

    /// Who waits for nothing in particular gives way to who has just come. Only a shard's own
    /// thread may touch its connections, so they are asked one after another, `home` first.
    void make_room(std::size_t home, std::size_t asked, unique_fd late,
                   const asio::ip::address& address) {
        auto& shard = *shards_[(home + asked) % shards_.size()];
        asio::post(shard.context(),
                   [this, &shard, home, asked, address, late = std::move(late)]() mutable {
                       if (!shard.close_longest_idle() && asked + 1 < shards_.size()) {
                           make_room(home, asked + 1, std::move(late), address);
                           return;
                       }
                       asio::post(shards_[home]->context(),
                                  [this, home, address, late = std::move(late)]() mutable {
                                      take_late(*shards_[home], std::move(late), address);
                                  });
                   });
    }

    /// Requires: this is the shard's thread.
    void take_late(io_shard& shard, unique_fd late, const asio::ip::address& address) {
        boost::system::error_code ec;
        tcp::socket socket(shard.context());
        socket.assign(endpoint_.protocol(), late.get(), ec);
        if (ec) {
            return;
        }
        static_cast<void>(late.release());
        if (auto ticket = admission_.try_enter(address)) {
            begin(shard, std::move(socket), std::move(*ticket));
        } else {
            shard.metrics().turned_away_full.add();
            turn_away(shard, socket);
        }
    }

    void begin(io_shard& shard, tcp::socket socket, admission::ticket ticket) {
        boost::system::error_code ec;
        socket.set_option(tcp::no_delay(true), ec);
        if (!ec) {
            ec = limit_unsent_bytes(socket.native_handle());
        }
        if (!ec) {
            socket.native_non_blocking(true, ec);
        }
        if (ec) {
            return;
        }
        asio::co_spawn(shard.context(),
                       serve_connection(shard, std::move(socket), std::move(ticket)),
                       [this](const std::exception_ptr& thrown) {
                           report(thrown, "a connection ended by an exception");
                       });
    }

    /// As much politeness as a connection gets that there is no room for: one try, no waiting.
    /// Requires: this is the shard's thread.
    void turn_away(io_shard& shard, tcp::socket& socket) {
        std::string request_id;
        shard.append_request_id(request_id);
        const auto answer = problem(status::service_unavailable, "There are too many connections.");
        static_cast<void>(send_and_forget(socket.native_handle(), answer,
                                          {.request_id = request_id, .date = shard.date()}));
        const std::lock_guard lock(turned_away_mutex_);
        ++turned_away_;
        const auto now = std::chrono::steady_clock::now();
        if (now < overload_logged_at_ + overload_log_interval) {
            return;
        }
        overload_logged_at_ = now;
        log_.warning("too many connections: some are turned away",
                     {{"request_id", request_id},
                      {"connections", std::to_string(admission_.count())},
                      {"turned_away", std::to_string(turned_away_)}});
    }

    void report(const std::exception_ptr& thrown, std::string_view text) {
        if (!thrown) {
            return;
        }
        try {
            std::rethrow_exception(thrown);
        } catch (const std::exception& exception) {
            log_.error(text, {{"what", exception.what()}});
        }
    }

    server_options options_;
    logger& log_;
    const std::size_t connections_max_;
    admission admission_;
    blocking_pool file_pool_;
    std::optional<router> routes_;
    std::vector<std::unique_ptr<io_shard>> shards_;
    std::optional<tcp::acceptor> acceptor_;
    tcp::endpoint endpoint_;
    std::size_t turn_ = 0;  ///< of the accepting thread
    std::mutex turned_away_mutex_;
    std::uint64_t turned_away_ = 0;
    std::chrono::steady_clock::time_point overload_logged_at_ =
        std::chrono::steady_clock::time_point::min();
    std::vector<std::thread> threads_;
    std::atomic<bool> started_ = false;
    std::mutex mutex_;
    bool draining_ = false;
    std::mutex stop_mutex_;
};

server::server(server_options options, logger& log)
    : implementation_(std::make_unique<implementation>(std::move(options), log)) {}

server::~server() = default;

void server::start(router routes) {
    implementation_->start(std::move(routes));
}

tcp::endpoint server::local_endpoint() const {
    return implementation_->local_endpoint();
}

bool server::drain(std::chrono::milliseconds patience) {
    return implementation_->drain(patience);
}

void server::stop() {
    implementation_->stop();
}

blocking_pool& server::file_pool() {
    return implementation_->file_pool();
}

const blocking_pool& server::file_pool() const {
    return implementation_->file_pool();
}

server_statistics server::statistics() const {
    return implementation_->statistics();
}

std::size_t server::connections() const {
    return implementation_->connections();
}

}  // namespace pinhole::http
