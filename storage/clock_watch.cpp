#include "storage/clock_watch.hpp"

#include <string>
#include <utility>

namespace pinhole::storage {

namespace {

std::string to_text(std::chrono::microseconds length) {
    using namespace std::chrono;
    return length < hours{48} ? std::to_string(round<minutes>(length).count()) + " minutes"
                              : std::to_string(round<days>(length).count()) + " days";
}

}  // namespace

clock_watch::clock_watch(const id_generator& ids, kv::log_function log)
    : ids_(ids), log_(std::move(log)) {}

void clock_watch::look(std::chrono::steady_clock::time_point at) {
    const reading now{ids_.clock_now(), at};
    report_jump(now);
    report_state();
    last_ = now;
}

/// A machine that slept jumps forward too, and rightly.
void clock_watch::report_jump(const reading& now) const {
    if (!last_ || !is_plausible(last_->wall) || !is_plausible(now.wall)) {
        return;
    }
    const auto passed =
        std::chrono::duration_cast<std::chrono::microseconds>(now.steady - last_->steady);
    const auto jump = now.wall - last_->wall - passed;
    if (jump > clock_step_max) {
        log_(kv::log_level::warning, "the clock went forward by " + to_text(jump) +
                                         " at once: logins and idempotency keys whose time is "
                                         "over by it have ended");
    } else if (-jump > clock_step_max) {
        log_(kv::log_level::warning, "the clock went back by " + to_text(-jump) + " at once");
    }
}

void clock_watch::report_state() {
    const auto ahead = ids_.ahead_of_clock();
    const state now = !is_plausible(ids_.clock_now()) ? state::implausible
                      : ahead > clock_step_max        ? state::behind_ids
                                                      : state::right;
    if (std::exchange(state_, now) == now) {
        return;
    }
    switch (now) {
        case state::implausible:
            log_(kv::log_level::error,
                 "the clock reads " + to_rfc3339(ids_.clock_now()) +
                     ", which cannot be: only what needs no login is answered until it is right");
            break;
        case state::behind_ids:
            log_(kv::log_level::warning,
                 "the clock reads " + to_rfc3339(ids_.clock_now()) + ", " + to_text(ahead) +
                     " before the newest id: it is behind, or was ahead once. Ids go on from the "
                     "newest; dates follow the clock");
            break;
        case state::right:
            log_(kv::log_level::info, "the clock agrees with the ids again");
            break;
    }
}

}  // namespace pinhole::storage
