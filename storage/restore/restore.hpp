// Makes a dump's rows and media those of a data directory: everything is checked before anything
// shows, and then all of it shows at once.
//
// Into a directory without rows, the database is built beside (bulk_loader.hpp) while the dump is
// checked, and takes its place by renames under a journal (data_directory.hpp): a kill at any
// instant leaves the old state or the new one, whole. With `merge`, what the database lacks is
// added to it by ordinary commits once all is checked; row_merger.hpp says what a kill leaves then.
//
// A dump without media into a directory that has some (a database lost, its photos not) leaves
// them where they are; one with media is refused there, since it would have to remove them.
// Sessions, idempotency records and jobs of the directory's database end with a restore. The
// server's key stays. Ids that the server gives afterwards are above all that it and the dump had.
//
// Thread-safe; at most one restore into a directory at a time. Blocks: for as long as it takes.
// Errors: what is wrong with the dump stands in the report, and nothing has been changed.
// `conflict` if the directory cannot take it. kv::storage_failure, std::system_error or
// std::runtime_error if somebody has the directory open, or the disk is full or fails;
// work_interrupted. After any of them the directory is as it was; but for a switch that could not
// be finished, which the message says, and a merge.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>

#include "storage/base/error.hpp"
#include "storage/base/work.hpp"
#include "storage/dump/dump_checker.hpp"
#include "storage/kv/log.hpp"

namespace pinhole::storage {

struct restore_options {
    bool dry_run = false;         ///< checks everything and changes nothing
    bool merge = false;           ///< into a directory that has rows
    bool no_manifest = false;     ///< it may be missing; one that is there is believed
    bool ignore_unknown = false;  ///< fields that this version does not know are passed over
    /// Of a dump with media, some rows may be without theirs: a dump of a damaged server.
    bool missing_media = false;
    /// To sort in, whatever the dump's size; about 80 MiB come on top, for tables that are written.
    std::size_t memory_bytes = std::size_t{400} << 20U;
    kv::log_function log = [](kv::log_level, std::string_view) {};
};

struct restore_report {
    dump::dump_summary dump;
    dump::fault_list faults;
    bool is_done = false;  ///< no fault, and no dry run
    std::uint64_t rows_added = 0;
    std::uint64_t rows_skipped = 0;  ///< there already, with the same values
};

/// `source`: a directory, a tar file, plain or compressed with zstd, or "-", standard input.
result<restore_report> restore_dump(const std::filesystem::path& source,
                                    const std::filesystem::path& data_dir,
                                    const restore_options& options = {},
                                    const work_watch& watch = {});
/// The archive is first read once the directory is known to be free, and is this restore's alone.
result<restore_report> restore_dump(dump::archive_reader& archive,
                                    const std::filesystem::path& data_dir,
                                    const restore_options& options = {},
                                    const work_watch& watch = {});

}  // namespace pinhole::storage
