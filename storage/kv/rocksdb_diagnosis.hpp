// Which files of a database are damaged, once RocksDB has refused to open it: what it says itself
// often names no file, or the manifest in place of the table that the manifest names.
//
// Looks at what opening reads: the logs and the manifest wholly, of each table its end.
// Thread-safety: any thread, while nobody writes. Blocking: on the disk.
#pragma once

#include <filesystem>
#include <string>

namespace pinhole::kv {

/// Their paths, separated by commas; empty if none is found. Never throws.
std::string find_damaged_files(const std::filesystem::path& directory);

}  // namespace pinhole::kv
