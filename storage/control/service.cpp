#include "storage/control/service.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <exception>
#include <string>
#include <system_error>
#include <utility>

#include "storage/control/session.hpp"
#include "storage/control/socket.hpp"
#include "storage/control/wire.hpp"

namespace pinhole::storage::control {

namespace {

/// For the first words of a connection, so that nobody keeps a place by saying nothing.
constexpr std::chrono::seconds greeting_patience{10};
/// After an error that may pass, such as a shortage of descriptors.
constexpr int accept_pause_ms = 1000;

/// False if `stopping` became readable.
bool wait_readable(int wanted, int stopping) {
    std::array<pollfd, 2> waiting{{{.fd = stopping, .events = POLLIN, .revents = 0},
                                   {.fd = wanted, .events = POLLIN, .revents = 0}}};
    while (::poll(waiting.data(), waiting.size(), -1) < 0) {
        if (errno != EINTR) {
            throw std::system_error{errno, std::generic_category(), "poll"};
        }
    }
    return waiting[0].revents == 0;
}

/// Waits for it no longer than so.
bool is_readable(int fd, int timeout_ms) {
    pollfd waiting{.fd = fd, .events = POLLIN, .revents = 0};
    return ::poll(&waiting, 1, timeout_ms) > 0;
}

void greet(int socket, std::int64_t schema_version, welcome welcome) {
    send_all(socket, encode_greeting({.schema = schema_version, .welcome = welcome}));
}

/// Whether the two understand one another; each learns why not.
bool exchange_greetings(int socket, std::int64_t schema_version) {
    set_patience(socket, greeting_patience);
    const auto received = receive(socket, greeting_bytes);
    if (!received) {
        return false;
    }
    const greeting theirs = decode_greeting(*received);
    const bool is_same = theirs.protocol == protocol_version && theirs.schema == schema_version;
    greet(socket, schema_version, is_same ? welcome::yes : welcome::other_version);
    set_patience(socket, std::chrono::seconds{0});
    return is_same;
}

}  // namespace

struct service::connection {
    explicit connection(unique_fd connected) : socket(std::move(connected)) {}

    unique_fd socket;
    std::atomic<bool> ended = false;
    std::jthread thread;
};

void sweep_checkpoints(const std::filesystem::path& data_dir) {
    std::filesystem::remove_all(data_dir / checkpoints_name);
}

service::service(service_options options)
    : options_(std::move(options)),
      user_(::geteuid()),
      stopping_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!stopping_) {
        throw std::system_error{errno, std::generic_category(), "eventfd"};
    }
    sweep_checkpoints(options_.data_dir);
    listening_ = listen_in(options_.data_dir);
    accepting_ = std::jthread{[this] { accept_connections(); }};
}

service::~service() {
    const std::uint64_t one = 1;
    // Fails only where the counter would overflow, and then it is readable.
    [[maybe_unused]] const auto written = ::write(stopping_.get(), &one, sizeof one);
    accepting_.join();
    for (const connection& each : connections_) {
        ::shutdown(each.socket.get(), SHUT_RDWR);
    }
    connections_.clear();
    std::error_code ignored;  // a name that stays is replaced at the next start
    std::filesystem::remove(options_.data_dir / socket_name, ignored);
}

void service::accept_connections() {
    for (;;) {
        if (!wait_readable(listening_.get(), stopping_.get())) {
            return;
        }
        unique_fd socket{::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
        connections_.remove_if([](const connection& each) { return each.ended.load(); });
        try {
            if (!socket) {
                throw std::system_error{errno, std::generic_category(), "accept"};
            }
            take(std::move(socket));
        } catch (const connection_lost&) {
            continue;  // it left before it was told why it may not stay
        } catch (const std::system_error& error) {
            options_.log(kv::log_level::warning,
                         std::string{"the control socket: "} + error.what());
            if (is_readable(stopping_.get(), accept_pause_ms)) {
                return;
            }
        }
    }
}

void service::take(unique_fd socket) {
    const uid_t peer = peer_user(socket.get());
    if (peer != user_ && peer != 0) {
        greet(socket.get(), options_.schema_version, welcome::not_allowed);
        options_.log(kv::log_level::warning,
                     "the control socket: refused user " + std::to_string(peer));
        return;
    }
    if (connections_.size() >= options_.connections_max) {
        greet(socket.get(), options_.schema_version, welcome::busy);
        return;
    }
    connection& made = connections_.emplace_back(std::move(socket));
    try {
        made.thread = std::jthread{[this, &made] { serve(made); }};
    } catch (const std::system_error&) {
        connections_.pop_back();
        throw;
    }
}

void service::serve(connection& served) {
    const int socket = served.socket.get();
    try {
        if (exchange_greetings(socket, options_.schema_version)) {
            session answering{options_};
            while (const auto request = receive_frame(socket)) {
                send_frame(socket, answering.answer_to(*request));
            }
        }
    } catch (const connection_lost& lost) {
        options_.log(kv::log_level::debug, std::string{"the control socket: "} + lost.what());
    } catch (const std::exception& failure) {
        options_.log(kv::log_level::warning, std::string{"the control socket: "} + failure.what());
    }
    ::shutdown(socket, SHUT_RDWR);
    served.ended = true;
}

}  // namespace pinhole::storage::control
