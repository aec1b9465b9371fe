// Makes index entries from the rows: for a database that an older program wrote, and when the case
// mapping that the trigrams come from has changed.
//
// Both may be cut short at any moment and run again from their start. They write in commits of
// bounded size, so other writers are not in the way, but what they have not reached yet is not
// found by the indexes they make: run them before serving.
// Blocks: on the disk, for about a minute for each million rows.
// Errors: throw kv::storage_failure if the store does not take their commits.
#pragma once

#include "storage/kv/store.hpp"

namespace pinhole::storage {

/// Adds the entries that rows lack in declared indexes, and lets all rows be ranked anew. Removes
/// nothing.
void add_index_entries(kv::store& store);

/// Makes the trigram indexes anew if they were made with another version of the case mapping than
/// this program's, or nobody knows with which.
void refresh_trigrams(kv::store& store);

/// Notes that all trigram indexes are made with this program's version.
void append_fold_version(kv::commit& commit);

}  // namespace pinhole::storage
