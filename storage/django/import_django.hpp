// Brings a Django app's fixture and files into a data directory, as a restore does a dump's
// (restore/restore.hpp): all is checked before anything shows, and then all of it shows at once.
//
// Thread-safe; at most one import or restore into a directory at a time. Blocks: for as long as it
// takes. Errors: what is wrong with the fixture or its files stands in the report, and nothing has
// been changed. Otherwise as restore_dump.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string_view>

#include "storage/base/error.hpp"
#include "storage/base/work.hpp"
#include "storage/django/conversion.hpp"
#include "storage/django/field_map.hpp"
#include "storage/restore/restore.hpp"

namespace pinhole::storage::django {

struct import_options {
    field_map map;
    std::optional<std::filesystem::path> media_root;
    std::optional<std::filesystem::path> id_map;  ///< a new file for model, pk and id of each row
    bool ignore_unknown = false;                  ///< fields that the map does not name
    bool rename_users = false;
    bool skip_bad_files = false;
    bool new_ids = false;  ///< not the primary keys
    std::optional<timestamp> deleted_at;
    bool dry_run = false;
    bool merge = false;
    std::size_t memory_bytes = std::size_t{256} << 20U;  ///< about, whatever the fixture's size
    std::function<void(std::string_view)> tell = [](std::string_view) {};  ///< lines for people
    kv::log_function log = [](kv::log_level, std::string_view) {};
};

struct import_report {
    /// Of the fixture, by its name and line.
    dump::fault_list faults;
    convert_counts counts;
    dump::dump_summary dump;  ///< what came of it
    bool is_done = false;     ///< no fault, and no dry run
    std::uint64_t rows_added = 0;
    std::uint64_t rows_skipped = 0;  ///< there already, with the same values
};

/// `fixture`: a file, compressed by gzip or not, or "-", standard input.
result<import_report> import_fixture(const std::filesystem::path& fixture,
                                     const std::filesystem::path& data_dir, import_options options,
                                     const work_watch& watch = {});

}  // namespace pinhole::storage::django
