// Reads how far a file in RocksDB's log format (its write-ahead logs and its manifest) goes.
//
// RocksDB takes a record whose length points beyond the end of the file for one that a crash has
// torn, and drops it and all behind it in silence. After a crash that is right; but one flipped bit
// in a length looks the same. This finds the end that RocksDB will find, so that it can be compared
// with the end that was acknowledged (rocksdb_mark.hpp).
//
// `scan_log_file` checks no checksums: RocksDB does, of all that it takes.
// Thread-safety: pure functions. Blocking: on the disk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string_view>

namespace pinhole::kv {

/// What a log's record begins with, as much as there is of it up to `record_head_bytes`.
inline constexpr std::size_t record_head_bytes = 12;
using record_function = std::function<void(std::string_view head)>;

/// Calls `record` for each complete record. The offset behind the last one.
/// Errors: throws storage_failure if the file cannot be read.
std::uint64_t scan_log_file(const std::filesystem::path& path, const record_function& record);

/// Whether the checksum of a fragment is wrong that has its whole length.
/// Errors: as above.
bool has_damaged_record(const std::filesystem::path& path);

}  // namespace pinhole::kv
