// SIGINT and SIGTERM as a request to stop: the first asks what runs to end cleanly, the second ends
// the process at once. No code runs in a signal handler.
#pragma once

#include <stop_token>
#include <thread>

namespace pinhole::admin {

class interrupts {
public:
    /// Takes both signals for this thread and those it starts from now on, and ignores SIGPIPE and
    /// SIGXFSZ, which are then errors of the call. Requires: made before any other thread.
    interrupts();
    interrupts(const interrupts&) = delete;
    interrupts& operator=(const interrupts&) = delete;
    ~interrupts();

    std::stop_token token() const { return source_.get_token(); }

private:
    void wait_for_signals();

    std::stop_source source_;
    std::jthread thread_;
};

}  // namespace pinhole::admin
