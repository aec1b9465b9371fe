#include "server/signals.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <utility>

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

/// Waits for one of the descriptors; which one, the first of them where several are ready. A
/// descriptor of -1 is never ready.
std::size_t wait_for_one(std::array<int, 3> fds) {
    std::array<pollfd, 3> waiting{};
    for (std::size_t i = 0; i < fds.size(); ++i) {
        waiting[i] = {.fd = fds[i], .events = POLLIN, .revents = 0};
    }
    while (::poll(waiting.data(), waiting.size(), -1) < 0) {
        if (errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "poll");
        }
    }
    const auto ready =
        std::ranges::find_if(waiting, [](const pollfd& fd) { return (fd.revents & POLLIN) != 0; });
    return static_cast<std::size_t>(ready - waiting.begin());
}

void take_signal(int fd) {
    signalfd_siginfo information{};
    if (::read(fd, &information, sizeof information) != sizeof information && errno != EAGAIN) {
        throw std::system_error(errno, std::generic_category(), "signalfd");
    }
}

}  // namespace

stop_signals::stop_signals() : requested_(make_eventfd()) {
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
    ::signal(SIGXFSZ, SIG_IGN);
}

stop_signals::reason stop_signals::wait() {
    if (wait_for_one({requested_.get(), signals_.get(), -1}) == 0) {
        return reason::requested;
    }
    take_signal(signals_.get());
    return reason::terminated;
}

void stop_signals::request_stop() {
    raise_event(requested_);
}

stop_watch::stop_watch(stop_signals& signals, std::function<void(stop_signals::reason)> action)
    : finished_(make_eventfd()), thread_([this, &signals, action = std::move(action)] {
          const auto seen =
              wait_for_one({signals.requested_.get(), signals.signals_.get(), finished_.get()});
          if (seen == 0) {
              action(stop_signals::reason::requested);
          } else if (seen == 1) {
              take_signal(signals.signals_.get());
              action(stop_signals::reason::terminated);
          }
      }) {}

stop_watch::~stop_watch() {
    raise_event(finished_);
    thread_.join();
}

}  // namespace pinhole::http
