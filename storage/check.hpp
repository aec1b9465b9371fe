// Looks at every row, index entry, unique entry, counter and media file, and says where they do not
// agree with each other: what a commit writes together must be there together, whatever happened
// since.
//
// It derives from the entities' declarations, so that what is added to them is checked as well. It
// mends nothing (maintenance/repair.hpp does).
//
// How it stays fast and small. What rows give rise to is not looked up entry by entry: everything
// that should be there, and everything that is there, is added up into a few thousand sums of
// hashes. Where two sums differ, and only there, a second walk finds out what it is. So a check of
// a sound database is a walk over each family, and its memory does not grow with the data.
//
// What cannot be known is not guessed: nothing is said of the counts that a damaged row may be in,
// nor of entries that lead to it.
//
// Thread-safe. Blocks: it reads the whole store, half a minute for each million rows.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/id.hpp"
#include "storage/base/work.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage {

enum class finding_kind : std::uint8_t {
    undecodable,         ///< bytes that no version ever wrote
    misplaced_row,       ///< a row that lies where another id's should
    missing_row,         ///< a row refers to one that is not there
    missing_entry,       ///< a row lacks an entry of an index
    wrong_entry,         ///< the entry's value is not what the row says
    stray_entry,         ///< an index entry that no row gives rise to
    missing_unique,      ///< a row lacks its unique entry
    wrong_unique,        ///< the unique entry says something else of its row
    shared_unique,       ///< two rows claim one unique value
    stray_unique,        ///< a unique entry that no row gives rise to
    wrong_rank,          ///< not ranked by its counts, and nothing says that it should be
    wrong_counter,       ///< not the number of rows that it counts
    stray_counter,       ///< a counter of nothing that is there
    wrong_counted,       ///< `is_counted` is not what the row and its user say
    wrong_files,         ///< a post's copy of its files is not what they are
    post_without_files,  ///< every post has one
    missing_bytes,       ///< a file's bytes are in neither tree
    wrong_size,
    wrong_digest,  ///< looked at only where that is asked for
    wrong_tree,    ///< public though hidden, or hidden though visible
    both_trees,
    stray_bytes,   ///< a file in public/ or hidden/ that no row names
    stray_upload,  ///< a file in incoming/ that no sweep settles
};
inline constexpr std::size_t finding_kinds = 23;

/// "missing_entry": for scripts.
std::string_view to_text(finding_kind kind);
/// Whether it is about what derives from the rows, or lies in the wrong place, so that a repair can
/// mend it; unless something else is wrong there, too.
bool is_mendable(finding_kind kind);

struct finding {
    finding_kind kind{};
    std::string_view entity = {};  ///< as `schema<Row>::name`; empty where it is about none
    entity_id id = 0;
    kv::key key = {};       ///< of the entry, counter or row
    std::string path = {};  ///< below the media folder: "public/ab/….jpg"
    std::string message = {};
};
using finding_sink = std::function<void(const finding&)>;

struct check_report {
    static constexpr std::size_t findings_per_kind_max = 100;

    std::size_t rows = 0;           ///< of all entities
    std::size_t index_entries = 0;  ///< and unique entries
    std::size_t media_files = 0;    ///< that rows name
    std::uint64_t media_bytes = 0;  ///< of those whose bytes are there
    std::size_t problems = 0;
    std::array<std::size_t, finding_kinds> counts{};
    /// The first of each kind, in the order in which they were found.
    std::vector<finding> findings;

    std::size_t count(finding_kind kind) const { return counts[static_cast<std::size_t>(kind)]; }
    /// The messages of `findings`.
    std::vector<std::string> details() const;
    void add(finding found);
};

struct check_options {
    bool hash = false;  ///< compare the media's bytes with their digests, too
    work_watch watch = {};
    /// Gets every finding, also those that the report only counts; empty: nobody does.
    finding_sink on_finding = {};
};

/// Checks all but the media files.
/// Requires: a blocking reader.
/// Errors: what is stored in a form that no version wrote is a finding like others; a store that
/// cannot be read throws kv::storage_failure; throws work_interrupted.
check_report check_rows(const kv::reader& reader, const check_options& options = {});

/// Checks that each file's bytes lie where its row says, and that no others do, and adds it to
/// `report`. What a running server is about to move or remove, or has just taken in, is no finding:
/// whatever looks wrong is looked at again in the store's newest state.
/// Blocks: on a few file system calls for each file; with `hash` on reading all of them.
/// Errors: as above; std::system_error if the media cannot be read.
void check_media(check_report& report, const kv::store& store,
                 const std::filesystem::path& media_root, const check_options& options = {});

/// Both.
check_report check_all(const kv::store& store, const std::filesystem::path& media_root,
                       const check_options& options = {});

}  // namespace pinhole::storage
