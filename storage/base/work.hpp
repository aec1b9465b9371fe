// How a long piece of work (a dump, a restore, a check) says how far it is, and is told to stop.
//
// Whoever starts the work makes a `work_watch` and hands it down; whoever does it calls `advance`
// now and then. Thread-safety: `report` is called on the thread that works; `stop` may be requested
// from any thread or a signal's.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <stop_token>
#include <string_view>

namespace pinhole::storage {

struct work_progress {
    std::string_view phase;   ///< "users", "media", "indexes": what people read beside the bar
    std::uint64_t done = 0;   ///< in units of the phase: rows, or bytes of media
    std::uint64_t total = 0;  ///< 0: not known
    bool counts_bytes = false;
};

/// Thrown by `work_watch::advance` once a stop is wanted; the work undoes or leaves what it has so
/// far as its header says.
struct work_interrupted : std::exception {
    const char* what() const noexcept override { return "interrupted"; }
};

struct work_watch {
    std::function<void(const work_progress&)> report = {};  ///< empty: nobody watches
    std::stop_token stop = {};

    /// Call often: each call is cheap unless a report is due, and it is the reporter who says when.
    /// Errors: throws work_interrupted.
    void advance(const work_progress& progress) const {
        if (stop.stop_requested()) {
            throw work_interrupted{};
        }
        if (report) {
            report(progress);
        }
    }
};

}  // namespace pinhole::storage
