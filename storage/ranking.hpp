// Keeps the indexes by counts (`rank`s: a post's like_count, say) in step with the counters.
//
// A counter is a sum of many writers' blind additions, so that a thousand people can like one post
// at the same time; a commit that also moved the post in an index by likes would have to know the
// sum, and each like would conflict with the next. So whoever adds to a counter only marks the row
// as *unranked* (one blind put; marks of one row are one key), and the ranker moves the row some
// moments later, once for however many likes there were. A query reads the index and lays the
// unranked rows over it with their true counts: it is exact at every instant.
//
// In the index family (ON DISK):
//   entry     part 0,  number 1 count id       value empty
//   ranked    part id, ranked_number 1         the counts its entries stand at, varints
//   unranked  part 0,  unranked_number 1 id    value empty
//
// Thread-safe. Errors: those of the reader and of the row codec are thrown through.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "storage/kv/store.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage {

/// An entry of the index `number`.
kv::key rank_key(std::uint8_t number, std::int64_t count, entity_id id);

/// The counts that a row is ranked at, in the order of its `ranks`; nothing if it is not ranked.
template <class Row>
std::optional<std::vector<std::int64_t>> find_ranked(const kv::reader& reader, entity_id id);

/// Up to `limit` unranked rows of an entity, by id.
template <class Row>
std::vector<entity_id> list_unranked(const kv::reader& reader, std::uint32_t limit);

/// What brings one unranked row to its places. Conflicts if it is marked anew meanwhile.
/// Empty if it is not unranked.
template <class Row>
kv::commit plan_rank(const kv::reader& reader, entity_id id);

/// Ranks what is unranked now, `unranked_per_round` rows at the most of each entity; how many it
/// moved. Those that change just then stay for the next round. Blocks: on the disk.
std::size_t rank_unranked(kv::store& store);
inline constexpr std::uint32_t unranked_per_round = 1024;

}  // namespace pinhole::storage
