// Rows in the order of a count: its index, with the rows that are not ranked yet (storage/ranking)
// laid over it by what their counters say. Exact at every instant.
// Errors: those of the reader are thrown through.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "storage/query/catalog.hpp"
#include "storage/query/postings.hpp"
#include "storage/query/predicate.hpp"

namespace pinhole::storage::query {

/// Both included.
struct count_range {
    std::int64_t least = std::numeric_limits<std::int64_t>::min();
    std::int64_t greatest = std::numeric_limits<std::int64_t>::max();
};

/// Nothing, if the predicate asks for no stretch of numbers.
std::optional<count_range> to_count_range(const predicate& asked);

/// The part of the first range that lies in the second.
count_range common(const count_range& a, const count_range& b);

/// Rows whose counts lie there (and perhaps others), if no more than `rows_max`.
std::optional<std::vector<entity_id>> list_ranked(const kv::reader& reader, entity of,
                                                  const rank_entry& rank, const count_range& within,
                                                  std::size_t rows_max);

/// Places are the counts.
std::unique_ptr<postings> open_ranked(const kv::reader& reader, entity of, const rank_entry& rank,
                                      const count_range& within, walking direction,
                                      std::uint32_t first_batch);

}  // namespace pinhole::storage::query
