// Waiting for the signals that end the program, without code in a signal handler.
//
// Thread-safety: `request_stop` from any thread; the rest from the owner's.
#pragma once

#include <functional>
#include <thread>

#include "server/unique_fd.hpp"

namespace pinhole::http {

class stop_signals {
public:
    enum class reason { terminated, requested };

    /// Blocks SIGTERM and SIGINT for this thread and those it starts from now on, and ignores
    /// SIGPIPE. Requires: made before any other thread.
    stop_signals();
    stop_signals(const stop_signals&) = delete;
    stop_signals& operator=(const stop_signals&) = delete;
    ~stop_signals();

    /// Blocks: until the first SIGTERM or SIGINT (`terminated`) or `request_stop` (`requested`).
    reason wait();

    /// From the program itself, e.g. when the store has failed for good. Never blocks.
    void request_stop();

    /// Calls `action` on a thread of its own at the next signal, once. Call it at most once.
    void on_next(std::function<void()> action);

private:
    unique_fd signals_;
    unique_fd requested_;
    unique_fd finished_;
    std::thread watcher_;
};

}  // namespace pinhole::http
