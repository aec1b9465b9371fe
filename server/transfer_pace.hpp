// Ends transfers that are too slow: a budget of waiting time that bytes refill.
//
// Waiting uses the budget up; each byte that moves gives back the time it may take at the minimum
// rate; it never grows beyond the grace. So a peer may stand still for the grace, and must on
// average keep up the minimum rate, however long the transfer is. Which bytes count is up to the
// user: for an answer those that the peer has acknowledged.
// Thread-safety: one user at a time. Blocking: never.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace pinhole::http {

class transfer_pace {
public:
    using clock = std::chrono::steady_clock;

    transfer_pace(std::chrono::milliseconds grace, std::uint64_t bytes_per_second_min)
        : grace_(grace), left_(grace), bytes_per_second_min_(bytes_per_second_min) {}

    /// When a wait that begins now must have ended.
    clock::time_point deadline(clock::time_point now) const { return now + left_; }

    void account(clock::duration waited, std::uint64_t bytes) {
        // Bytes beyond what refills the whole grace make no difference; capped, nothing overflows.
        const auto bytes_capped = std::min<std::uint64_t>(bytes, 1ULL << 32);
        const auto earned =
            std::chrono::nanoseconds(bytes_capped * 1'000'000'000ULL / bytes_per_second_min_);
        left_ =
            std::clamp<clock::duration>(left_ - waited + earned, clock::duration::zero(), grace_);
    }

private:
    clock::duration grace_;
    clock::duration left_;
    std::uint64_t bytes_per_second_min_;
};

}  // namespace pinhole::http
