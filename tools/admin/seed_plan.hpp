// Who does what and when in sample data, in the order of time. Pure; the same options give the same
// plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/base/time.hpp"

namespace pinhole::admin {

struct seed_size {
    std::uint32_t users = 0;
    std::uint32_t posts = 0;
    std::uint64_t seed = 0;
    storage::timestamp until{};  ///< everything lies in the half year before
};

enum class seed_kind : std::uint8_t { user, post, comment, like };

/// Users and posts are numbered from 0.
struct seed_event {
    std::int64_t at_us = 0;
    seed_kind kind = seed_kind::user;
    std::uint32_t which = 0;  ///< the user or post; of a like or comment a number of its own
    std::uint32_t user = 0;   ///< who does it
    std::uint32_t post = 0;   ///< of a like or comment

    auto operator<=>(const seed_event&) const = default;
};

std::vector<seed_event> make_seed_plan(const seed_size& size);

}  // namespace pinhole::admin
