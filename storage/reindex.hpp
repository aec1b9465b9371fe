// Makes from the rows what derives from them: for a database that an older program wrote, when the
// case mapping that the trigrams come from has changed, and for one whose indexes or counters are
// not to be trusted any more.
//
// All of it may be cut short at any moment and run again from its start. It writes in commits of
// bounded size, but what it has not reached yet is not found by the indexes it makes: run it before
// serving.
// Blocks: on the disk, for about a minute for each million rows.
// Errors: throw kv::storage_failure if the store does not take their commits.
#pragma once

#include <cstddef>

#include "storage/base/work.hpp"
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
struct reindex_report {
    std::size_t rows = 0;
    std::size_t rewritten = 0;  ///< whose `is_counted`, or whose copy of their files, was wrong
    /// Left as they were: rows that nobody can read, and those whose unique value another row has.
    /// A check names them.
    std::size_t damaged = 0;
    std::size_t shared = 0;
};

/// Drops all indexes, unique entries and counters, and makes them from the rows; sets right each
/// `is_counted` and each post's copy of its files. Never deletes a row.
/// From its first commit to its last the database says that it is unfinished (`is_reindexing`), and
/// must neither be served nor swept: storage::database finishes it before anything else.
/// Errors: as above; throws work_interrupted.
reindex_report reindex(kv::store& store, const work_watch& watch = {});

/// Whether a reindex has begun and has not ended.
bool is_reindexing(const kv::reader& reader);

}  // namespace pinhole::storage
