// Looks a dump over without restoring it: everything that a restore checks, and nothing is written
// but temporary files without a name.
//
// Thread-safe. Blocks: for as long as reading the dump takes.
// Errors: what is wrong with the dump stands in the report. std::system_error if it cannot be read,
// or there is no room for the temporary files; work_interrupted.
#pragma once

#include <filesystem>

#include "storage/base/work.hpp"
#include "storage/dump/dump_checker.hpp"

namespace pinhole::storage::dump {

struct verify_options {
    bool no_manifest = false;     ///< it may be missing; one that is there is believed
    bool ignore_unknown = false;  ///< fields that this version does not know are passed over
    bool missing_media = false;   ///< of a dump with media, some rows may be without theirs
    std::filesystem::path scratch = std::filesystem::temp_directory_path();
};

struct verify_report {
    dump_summary dump;
    fault_list faults;
};

/// `source`: a directory, a tar file, plain or compressed with zstd, or "-", standard input.
verify_report verify_dump(const std::filesystem::path& source, const verify_options& options = {},
                          const work_watch& watch = {});
verify_report verify_dump(archive_reader& archive, const verify_options& options = {},
                          const work_watch& watch = {});

}  // namespace pinhole::storage::dump
