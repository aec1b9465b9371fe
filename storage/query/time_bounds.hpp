// The stretch of time that tests of `created_at` leave: what an index in the order of time is
// entered with. Pure; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/query/condition.hpp"

namespace pinhole::storage::query {

struct time_bounds {
    /// Both included; nothing: open.
    std::optional<timestamp> from = {};
    std::optional<timestamp> to = {};

    bool is_open() const { return !from && !to; }
    bool holds(timestamp at) const { return (!from || at >= *from) && (!to || at <= *to); }
    bool operator==(const time_bounds&) const = default;
};

/// Tests that hold together (and-ed); those that the bounds say wholly are appended to `served`.
/// Years, days, and months and quarters of a fixed year are stretches of time as well.
time_bounds find_time_bounds(std::span<const test* const> tests, std::vector<const test*>& served);

/// `2025-01-01T00:00:00Z … `; empty if they are open.
std::string to_text(const time_bounds& bounds);

}  // namespace pinhole::storage::query
