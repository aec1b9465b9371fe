// The rows of a database to which nobody writes: a checkpoint of one that a server has open, or one
// that no process has open. Opening it changes nothing, so it is how dumps and checks read.
//
// Thread-safe. Blocks: on the disk, and while it reads the last writes from the log.
#pragma once

#include <filesystem>
#include <memory>

#include "storage/kv/checkpoint.hpp"
#include "storage/kv/log.hpp"

namespace pinhole::storage {

/// `directory`: the checkpoint, or DIR/db of a data directory.
/// Errors: throws kv::storage_failure as kv::open_read_only does, and std::runtime_error if another
/// schema version has written it: an older one has to be migrated first, by starting the server.
std::unique_ptr<kv::read_only_store> open_read_only(
    const std::filesystem::path& directory,
    kv::log_function log = [](kv::log_level, std::string_view) {});

}  // namespace pinhole::storage
