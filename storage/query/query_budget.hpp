// What a query may cost: rows, and the processor's time. Rows alone do not bound how long a thread
// is held, since one row may be a long text and a laborious pattern; and the processor's time does
// not depend on who else runs, as the clock on the wall does.
//
// One budget serves one query on one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>

namespace pinhole::storage::query {

/// Thrown once a query has cost more than it may.
struct over_budget : std::exception {
    explicit over_budget(bool by_time) : is_by_time(by_time) {}
    const char* what() const noexcept override { return "the query costs too much"; }

    bool is_by_time;
};

/// Estimates, by measurement; they only decide how often the clock is looked at.
inline constexpr std::chrono::nanoseconds ns_per_row{2'000};
inline constexpr std::chrono::nanoseconds ns_per_text_byte{8};
/// Of a bad pattern: most take a hundredth of that.
inline constexpr std::chrono::nanoseconds ns_per_pattern_byte{1'000};

class query_budget {
public:
    /// Without `time_max` it may take as long as it takes.
    query_budget(std::uint64_t rows_max, std::optional<std::chrono::nanoseconds> time_max);

    /// Rows, or what costs as much as so many.
    /// Errors: throws over_budget.
    void spend_rows(std::uint64_t rows) {
        rows_ += rows;
        if (rows_ > rows_max_) {
            throw over_budget{false};
        }
        spend_time(ns_per_row * static_cast<std::int64_t>(rows));
    }
    std::uint64_t rows_left() const { return rows_ < rows_max_ ? rows_max_ - rows_ : 0; }

    /// About so much has been done. The clock is looked at each millisecond or so of that: it takes
    /// a third of a microsecond.
    /// Errors: throws over_budget.
    void spend_time(std::chrono::nanoseconds estimate) {
        unseen_ += estimate;
        if (time_max_ && unseen_ >= std::chrono::milliseconds{1}) {
            look_at_clock();
        }
    }

private:
    void look_at_clock();

    std::uint64_t rows_max_;
    std::uint64_t rows_ = 0;
    std::optional<std::chrono::nanoseconds> time_max_;
    std::chrono::nanoseconds begun_;
    std::chrono::nanoseconds unseen_{};  ///< estimated, since the clock was looked at
};

}  // namespace pinhole::storage::query
