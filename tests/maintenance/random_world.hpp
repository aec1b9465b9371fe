// Random rows with their media, made by the server's own units of work, deleted at every level and
// at random times; and what a purge must leave of them, worked out row by row.
//
// For one thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/maintenance/maintained.hpp"

namespace pinhole::storage::test {

/// The times of deletions lie in [1, seconds_max).
inline constexpr std::int64_t seconds_max = 1000;

/// Fills an empty directory. Jobs are carried out, or half of them, at random.
void make_random_world(maintained& into, generator& random, std::size_t users = 6);

/// A row as far as a purge may ask: read without the code under test.
struct plain_row {
    std::string entity;
    std::string bytes;
    bool is_deleted = false;
    timestamp changed_at{};
    std::vector<entity_id> parents;
    std::string media_path;
    std::int64_t size = 0;
};
using plain_rows = std::map<entity_id, plain_row>;
plain_rows read_plain_rows(const kv::store& store);

/// Whether a purge of what was deleted before that must take the row away.
bool must_go(const plain_rows& rows, entity_id id, timestamp before);

/// All that the rows' purge leaves must be there, as it was, with its bytes; all else must not.
void check_purged(maintained& in, const plain_rows& rows, timestamp before);

}  // namespace pinhole::storage::test
