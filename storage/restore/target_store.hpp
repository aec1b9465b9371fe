// The store of the data directory that a restore goes to, opened as the server opens it.
//
// Blocks and errors: as kv::open_rocksdb.
#pragma once

#include <filesystem>
#include <memory>

#include "storage/kv/checkpoint.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage {

/// For reading, with everybody else kept out and nothing changed; nullptr if there is none yet.
/// Errors: as open_read_only (read_only_database.hpp).
std::unique_ptr<kv::read_only_store> open_target_to_read(const std::filesystem::path& data_dir,
                                                         const kv::log_function& log);

/// For merging rows into it.
std::unique_ptr<kv::store> open_target(const std::filesystem::path& data_dir,
                                       const kv::log_function& log);

/// Whether any entity that is dumped has a row.
bool has_rows(const kv::reader& reader);

}  // namespace pinhole::storage
