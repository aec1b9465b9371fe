// A database as it was at one instant, on disk: made from a store that goes on being written to,
// and read by whoever likes, for as long as they like, without the store knowing.
//
// A checkpoint is a directory with the database's tables under other names of the same files (hard
// links) and a copy of the last writes' log: it takes hardly any room at first, but keeps the room
// of what the store replaces meanwhile, until it is removed. Remove it as any directory.
//
// It names no backend. Thread-safety: any thread. Blocking: on the disk.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <vector>

#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::kv {

/// What a store also is if it can be frozen. A store in another process is not: ask that process.
class checkpoint_maker {
public:
    virtual ~checkpoint_maker() = default;
    virtual void make_checkpoint(const std::filesystem::path& directory) const = 0;
};

/// Makes `directory` a database that holds every commit that was acknowledged before the call,
/// perhaps some that were decided during it, and each of them whole: families agree with each
/// other. Writers go on meanwhile. It appears whole or not at all, but its name in the directory
/// above is not synced. After a crash midway `directory` + ".tmp" may be left; the next checkpoint
/// of that name removes it.
/// On another file system than the database's it is copied, with the time and room that takes.
/// Blocks: for a flush of what is in memory only, where that is more than a few megabytes.
/// Errors: throws storage_failure if there is something of that name, there is no room, the disk
/// fails, or the store is no checkpoint_maker.
/// Requires: the store is not destroyed meanwhile.
void make_checkpoint(const store& store, const std::filesystem::path& directory);

struct read_only_options {
    std::filesystem::path directory;
    std::vector<family_spec> families;
    std::size_t block_cache_bytes = std::size_t{32} << 20U;
    log_function log = [](log_level, std::string_view) {};
};

class read_only_store {
public:
    virtual ~read_only_store() = default;
    /// Blocking. Requires: gone before the store.
    virtual std::unique_ptr<reader> snapshot() const = 0;
};

/// Opens a checkpoint, or a database that no process has open, and changes nothing in it; but its
/// lock file is made where there is none, and held, so that nobody opens it for writing meanwhile.
/// What its log holds is kept in memory: as much as a store lets the log grow, at the most.
/// Errors: throws storage_failure when there is no database, another process has it open, it was
/// written by a newer or older version (its families differ), or it is damaged.
std::unique_ptr<read_only_store> open_read_only(const read_only_options& options);

}  // namespace pinhole::kv
