#include "server/signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstdint>
#include <system_error>

namespace pinhole::http {
namespace {

unique_fd make_eventfd() {
    unique_fd fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!fd) {
        throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    return fd;
}

void raise_event(const unique_fd& event) {
    // Can't fail but by overflow of the counter, and then the event is raised already.
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one);
}

/// Waits for one of two descriptors; true if it was the first.
bool wait_for_first(int first, int second) {
    std::array<pollfd, 2> waiting{pollfd{.fd = first, .events = POLLIN, .revents = 0},
                                  pollfd{.fd = second, .events = POLLIN, .revents = 0}};
    while (::poll(waiting.data(), waiting.size(), -1) < 0) {
        if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "poll");
        }
    }
    return (waiting[0].revents & POLLIN) != 0;
}

void take_signal(int fd) {
    signalfd_siginfo information{};
    if (::read(fd, &information, sizeof information) != sizeof information && errno != EAGAIN) {
        throw std::system_error(errno, std::generic_category(), "signalfd");
    }
}

}  // namespace

stop_signals::stop_signals() : requested_(make_eventfd()), finished_(make_eventfd()) {
    sigset_t stopping;
    sigemptyset(&stopping);
    sigaddset(&stopping, SIGTERM);
    sigaddset(&stopping, SIGINT);
    if (const int error = pthread_sigmask(SIG_BLOCK, &stopping, nullptr); error != 0) {
        throw std::system_error(error, std::generic_category(), "pthread_sigmask");
    }
    signals_.reset(::signalfd(-1, &stopping, SFD_CLOEXEC | SFD_NONBLOCK));
    if (!signals_) {
        throw std::system_error(errno, std::generic_category(), "signalfd");
    }
    ::signal(SIGPIPE, SIG_IGN);
}

stop_signals::~stop_signals() {
    raise_event(finished_);
    if (watcher_.joinable()) {
        watcher_.join();
    }
}

stop_signals::reason stop_signals::wait() {
    if (!wait_for_first(signals_.get(), requested_.get())) {
        return reason::requested;
    }
    take_signal(signals_.get());
    return reason::terminated;
}

void stop_signals::request_stop() {
    raise_event(requested_);
}

void stop_signals::on_next(std::function<void()> action) {
    assert(!watcher_.joinable());
    watcher_ = std::thread([this, action = std::move(action)] {
        if (wait_for_first(signals_.get(), finished_.get())) {
            take_signal(signals_.get());
            action();
        }
    });
}

}  // namespace pinhole::http
