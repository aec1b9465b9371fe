// Waiting for what ends the program, without code in a signal handler: SIGTERM, SIGINT, or the
// program's own request to stop, e.g. when the store has failed.
//
// Thread-safety: `request_stop` from any thread; the rest from the owner's.
#pragma once

#include <cstdint>
#include <functional>
#include <thread>

#include "server/unique_fd.hpp"

namespace pinhole::http {

class stop_signals {
public:
    /// `requested` lasts, and is what is reported where both have come.
    enum class reason : std::uint8_t { terminated, requested };

    /// Blocks SIGTERM and SIGINT for this thread and those it starts from now on, and ignores
    /// SIGPIPE and SIGXFSZ: a client that left, or a file beyond what the process may write
    /// (RLIMIT_FSIZE), is then an error of the call. Requires: made before any other thread.
    stop_signals();
    stop_signals(const stop_signals&) = delete;
    stop_signals& operator=(const stop_signals&) = delete;

    /// Blocks: until the next SIGTERM or SIGINT (`terminated`), which it takes, or `request_stop`.
    reason wait();

    /// From the program itself. Never blocks.
    void request_stop();

private:
    friend class stop_watch;

    unique_fd signals_;
    unique_fd requested_;
};

/// Calls an action on a thread of its own at the first reason to stop that comes while it lives.
/// One at a time, and none while somebody waits. The destructor waits for an action that has begun.
class stop_watch {
public:
    stop_watch(stop_signals& signals, std::function<void(stop_signals::reason)> action);
    stop_watch(const stop_watch&) = delete;
    stop_watch& operator=(const stop_watch&) = delete;
    ~stop_watch();

private:
    unique_fd finished_;
    std::thread thread_;
};

}  // namespace pinhole::http
