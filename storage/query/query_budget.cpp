#include "storage/query/query_budget.hpp"

#include <time.h>

namespace pinhole::storage::query {

namespace {

/// Of the processor, for this thread.
std::chrono::nanoseconds thread_time() {
    timespec at{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
    return std::chrono::seconds{at.tv_sec} + std::chrono::nanoseconds{at.tv_nsec};
}

}  // namespace

query_budget::query_budget(std::uint64_t rows_max, std::optional<std::chrono::nanoseconds> time_max)
    : rows_max_(rows_max), time_max_(time_max), begun_(thread_time()) {}

void query_budget::look_at_clock() {
    unseen_ = {};
    if (thread_time() - begun_ > *time_max_) {
        throw over_budget{true};
    }
}

}  // namespace pinhole::storage::query
