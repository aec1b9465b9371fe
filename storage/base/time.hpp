// Instants with microseconds, and their RFC 3339 text. UTC only; thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pinhole::storage {

using timestamp = std::chrono::sys_time<std::chrono::microseconds>;

/// The wall clock, to the microsecond.
timestamp now();

inline std::int64_t to_microseconds(timestamp instant) {
    return instant.time_since_epoch().count();
}
inline timestamp from_microseconds(std::int64_t microseconds) {
    return timestamp{std::chrono::microseconds{microseconds}};
}

/// The time of a change at `at` to something last changed at `previous`: it always moves, also when
/// the clock was set back or the request was taken before another one that was faster.
inline timestamp later_than(timestamp previous, timestamp at) {
    return at > previous ? at : previous + std::chrono::microseconds{1};
}

/// Appends `2026-11-22T08:05:00.123456Z`: always 27 characters for the years 0 to 9999, which is
/// what a stored time is limited to.
void append_rfc3339(std::string& out, timestamp instant);
std::string to_rfc3339(timestamp instant);

}  // namespace pinhole::storage
