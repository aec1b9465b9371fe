// What a backup says of itself: ON DISK as `backups/N.json`, an object on one line. A backup exists
// once its record does.
//
//   {"created_at":"2026-11-30T08:05:00.123456Z","database":{"bytes":…,"new_bytes":…},
//    "format":"pinhole-backup","id":7,"media":{"bytes":…,"files":…,"list_sha256":"…","missing":…,
//    "new_bytes":…,"new_files":…},"rows_about":…,"schema_version":2,"secret_key_sha256":"…",
//    "server_version":"0.1.0","sha256":"…","version":1}
//
// `sha256` is of the same object without this member, keys in the order of their bytes and without
// spaces; so a record that was cut or changed is told from a whole one.
//
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/kv/backup.hpp"

namespace pinhole::storage::backup {

struct backup_record {
    kv::backup_id id = 0;
    std::string created_at;  ///< the instant that it shows; RFC 3339
    std::string server_version;
    std::int64_t schema_version = 0;
    std::uint64_t rows_about = 0;
    std::uint64_t database_bytes = 0;
    std::uint64_t database_new_bytes = 0;  ///< not shared with an earlier backup
    std::uint64_t media_files = 0;
    std::uint64_t media_bytes = 0;
    std::uint64_t media_new_files = 0;
    std::uint64_t media_new_bytes = 0;
    std::uint64_t media_missing = 0;  ///< rows whose bytes were neither there nor backed up before
    std::string media_list_sha256;
    std::string secret_key_sha256;  ///< empty: the data directory had none
};

std::string to_json(const backup_record& record);

/// Errors: throws backup_damage, naming `where`; also for a record of a later version.
backup_record parse_record(std::string_view text, const std::string& where);

/// In hexadecimal.
std::string sha256_of(std::string_view bytes);

}  // namespace pinhole::storage::backup
