// Mends what derives from the rows, and puts media where they belong: what check.hpp finds wrong
// and that can be known.
//
//   index, unique and rank entries   put where missing, set right, removed where no row gives rise
//   counters, `is_counted`           set to what there is; counters of nothing are removed
//   a post's copy of its files       made anew from the files' rows
//   media in the wrong tree          moved; of two copies the one that is not right is put aside
//   bytes that no row names          put aside
//
// It never deletes a row nor a file: what is put aside goes to DATA/quarantine/<when>/, under the
// path that it had. What cannot be mended stays reported: a row that nobody can read, or that is
// not there; bytes that are missing or changed; two rows that claim one unique value.
//
// Without `yes` it changes nothing, and says what it would do.
//
// It may run while the database is served, in the same process or through a store that leads to the
// server's: each mend is planned on the newest state and commits only if what it was planned on
// still holds. Media are moved by the jobs of whoever serves. Killed at any moment it leaves what
// was mended until then, and nothing else; run again it goes on. One at a time.
// Blocks: for as long as some checks take, and for each mend on the disk.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>

#include "storage/check.hpp"
#include "storage/media_placement.hpp"

namespace pinhole::storage {

struct repair_action {
    finding_kind kind{};  ///< of what is mended
    std::string text;     ///< "puts the index entry … of post 10"
};

struct repair_options {
    bool yes = false;                  ///< do it, not only say it
    bool hash = false;                 ///< as the check's
    std::filesystem::path quarantine;  ///< DATA/quarantine; made where absent
    timestamp at = now();              ///< names the folder in it
    work_watch watch = {};
    /// Gets each action once it is done, or instead of that.
    std::function<void(const repair_action&)> on_action = {};
};

struct repair_report {
    std::size_t actions = 0;  ///< done, or to be done
    std::size_t passes = 0;   ///< checks that it took; the last one mended nothing
    /// What the last check found: what is left, or, without `yes`, all.
    check_report check;
};

/// Checks and mends until nothing is left that it can mend. `placement` is that of the process that
/// has the database open, or null where that is another one: then a second copy of a file, in the
/// wrong tree, stays, since somebody may be moving the first.
/// Errors: throws kv::storage_failure if the store takes no writes; std::system_error if files
/// cannot be moved; work_interrupted.
repair_report repair(kv::store& store, const std::filesystem::path& media_root,
                     media_placement* placement, const repair_options& options);

}  // namespace pinhole::storage
