// Keeps the indexes by counts (`rank`s: a post's like_count, say) in step with the counters.
//
// A counter is a sum of many writers' blind additions, so that a thousand people can like one post
// at the same time; a commit that also moved the post in an index by likes would have to know the
// sum, and each like would conflict with the next. So whoever adds to a counter only enqueues a
// mark that the row is *unranked*, and the ranker moves the row some moments later, once for
// however many likes there were. A query reads the index and lays the unranked rows over it with
// their true counts: it is exact at every instant.
//
// Marks stand in the order of their commits. The ranker notes up to which commit it has taken them
// off, and whoever looks for marks begins there: it never steps over those that are gone.
//
//   entry     part 0,  number 1 count id              (family `index`) value empty
//   ranked    part id, ranked_number 1                the counts its entries stand at, varints
//   mark      part 0,  unranked_number 1 stamp id     value empty
//   progress  meta `ranked.posts`                     up to this stamp all marks are taken off
//
// All of that is ON DISK.
// Thread-safe, but for `rank_unranked`: one at a time. Errors: those of the reader and of the row
// codec are thrown through.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/kv/store.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage {

/// An entry of the index `number`.
kv::key rank_key(std::uint8_t number, std::int64_t count, entity_id id);

/// Where it stands at which counts a row is ranked.
template <class Row>
kv::key ranked_key(entity_id id) {
    return {id, families::index, index_prefix(schema<Row>::ranked_number, true)};
}

/// What such a record says. Errors: throws corrupt_row.
std::vector<std::int64_t> decode_ranked(std::string_view bytes, std::size_t ranks);

/// The counts that a row is ranked at, in the order of its `ranks`; nothing if it is not ranked.
template <class Row>
std::optional<std::vector<std::int64_t>> find_ranked(const kv::reader& reader, entity_id id);

/// Marks, oldest first.
struct unranked {
    std::vector<std::string> keys;
    std::vector<entity_id> ids;  ///< sorted, each once
};
template <class Row>
unranked list_unranked(const kv::reader& reader, std::uint32_t limit);

/// What brings the rows of some marks to their places and takes the marks off. Empty if there is no
/// mark. Requires: nobody else does so before it is committed.
template <class Row>
kv::commit plan_rank(const kv::reader& reader, std::uint32_t marks_max);

/// What ranks a row that is alive, has this counter, and is ranked nowhere yet.
template <class Row>
void append_first_rank(kv::commit& commit, entity_id id, std::int64_t counter);

/// Ranks what is unranked now. False: the store did not take it. Blocks: on the disk.
bool rank_unranked(kv::store& store);

}  // namespace pinhole::storage
