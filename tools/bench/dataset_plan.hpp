// Who does what and when in a data set: all of it in memory, drawn before the first row is
// written, since a post's row is written with the count of the likes that it is going to get.
//
// People and posts are numbered from 0; ids are given when the rows are written. Pure; the same
// size gives the same plan.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tools/bench/dataset.hpp"

namespace pinhole::bench {

/// The numbers of the accounts that have names; the others follow by popularity.
inline constexpr std::uint32_t caller = 0, middling = 1, popular = 2, named_users = 3;

/// Microseconds since 1970: the first day of 2024, before which there is no id, and a day in the
/// past for whoever runs this.
inline constexpr std::int64_t plan_begin_us = 1'704'088'800'000'000;  // 2024-01-01T06:00:00Z
inline constexpr std::int64_t plan_end_us = 1'793'491'200'000'000;    // 2026-11-01T00:00:00Z

struct planned_user {
    std::int64_t at_us = 0;
    std::int64_t posts_count = 0;
    bool is_deleted = false;
};

struct planned_post {
    std::int64_t at_us = 0;
    std::uint32_t author = 0;
    std::uint32_t likes_count = 0;
    std::uint32_t comments_count = 0;
    bool is_deleted = false;
    bool is_needle = false;  ///< has the rare word
};

/// A like or a comment.
struct planned_reaction {
    std::int64_t at_us = 0;
    std::uint32_t post = 0;
    std::uint32_t user = 0;
    bool is_deleted = false;
    bool is_counted = true;
    bool is_needle = false;
};

struct dataset_plan {
    std::vector<planned_user> users;
    std::vector<planned_post> posts;
    std::vector<planned_reaction> likes;
    std::vector<planned_reaction> comments;
};

dataset_plan make_plan(const dataset_size& size);

}  // namespace pinhole::bench
