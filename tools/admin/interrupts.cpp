#include "tools/admin/interrupts.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tools/admin/exit_code.hpp"

namespace pinhole::admin {

namespace {

/// Wakes the thread when the program ends by itself.
constexpr int finished = SIGUSR1;

bool is_ignored(int number) {
    struct sigaction action{};
    return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

sigset_t waited_for() {
    sigset_t signals;
    sigemptyset(&signals);
    // A terminal that is gone, too, and none that whoever started us has had ignored (nohup).
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        if (!is_ignored(number)) {
            sigaddset(&signals, number);
        }
    }
    sigaddset(&signals, finished);
    return signals;
}

}  // namespace

interrupts::interrupts() {
    const sigset_t signals = waited_for();
    if (const int error = pthread_sigmask(SIG_BLOCK, &signals, nullptr); error != 0) {
        throw std::system_error{error, std::generic_category(), "pthread_sigmask"};
    }
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);
    thread_ = std::jthread{[this] { wait_for_signals(); }};
}

interrupts::~interrupts() {
    pthread_kill(thread_.native_handle(), finished);
}

void interrupts::wait_for_signals() {
    const sigset_t signals = waited_for();
    for (;;) {
        int signal = 0;
        if (sigwait(&signals, &signal) != 0 || signal == finished) {
            return;
        }
        if (!source_.request_stop()) {
            ::_exit(static_cast<int>(exit_code::interrupted));
        }
    }
}

}  // namespace pinhole::admin
