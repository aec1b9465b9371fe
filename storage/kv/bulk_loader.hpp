// Makes a new store out of very many rows at once: they are written as the store's own sorted
// tables, and put into it as they are, without a log, a commit or a compaction. What comes of it is
// what as many commits would have made.
//
// A store that is loaded in this way does not exist before. All rows count as those of one commit,
// the one that `finish` makes with its operations: its stamp is theirs, and every later commit has
// another one.
//
// It knows no entity and no key shape. Thread-safety: `finish` alone; everything else from one
// thread for each family or range, several of them at once. Blocks: on the disk. Errors:
// storage_failure, if the disk refuses something or is full. The directory is then of no use.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string_view>
#include <vector>

#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

struct bulk_load_options {
    std::filesystem::path directory;  ///< of the store; must not exist or be empty
    std::filesystem::path tables;     ///< on the same file system, for the time of the loading
    std::vector<family_spec> families;
    log_function log;
};

class bulk_loader {
public:
    virtual ~bulk_loader() = default;

    /// Keys of a family that lie together, for a thread of their own.
    class range {
    public:
        virtual ~range() = default;
        /// Requires: as `add` of a family.
        virtual void add(part_id part, std::string_view bytes, std::string_view value) = 0;
        /// No more rows come.
        virtual void end() = 0;
    };
    /// Requires: a family to which nothing is added otherwise; no key between two of another range.
    /// The loader outlives it.
    virtual std::unique_ptr<range> new_range(family_id family) = 0;

    /// Requires: keys of a family in ascending order, by part and bytes; no counters.
    virtual void add(family_id family, part_id part, std::string_view bytes,
                     std::string_view value) = 0;
    /// Likewise, for families of kind `counters`.
    virtual void add_sum(family_id family, part_id part, std::string_view bytes,
                         std::int64_t sum) = 0;

    /// No more rows of this family come. Optional: `finish` does so of all.
    virtual void end_family(family_id family) = 0;

    /// Makes the store, with what was added and with these operations, durable. Its directory's own
    /// name is the caller's to sync. Requires: operations that change no key which was added, at
    /// least one of them.
    virtual void finish(commit first) = 0;
};

std::unique_ptr<bulk_loader> make_bulk_loader(const bulk_load_options& options);

}  // namespace pinhole::kv
