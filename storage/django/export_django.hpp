// Writes what a database held at one instant as a fixture that Django's `loaddata` takes, with the
// bytes of files in a folder that can be its MEDIA_ROOT. The map (field_map.hpp) says the names;
// of several fields for one value the first is written.
//
// It is a dump (dump/dump.hpp) in another form: the same instant, the same rows, the same care for
// media.
// Thread-safety: works on the calling thread alone. Blocks: for as long as it takes.
#pragma once

#include <filesystem>
#include <optional>

#include "storage/django/field_map.hpp"
#include "storage/dump/dump.hpp"

namespace pinhole::storage::django {

/// The name that stands for standard output.
inline constexpr std::string_view standard_output = "-";

struct export_options {
    field_map map;
    std::filesystem::path target;  ///< JSONL if it ends so, else JSON; or standard output
    std::optional<std::filesystem::path> media_root;  ///< a new folder
    bool renumber = false;                            ///< primary keys 1, 2, 3…, and not the ids
    bool only_alive = false;
    bool skip_bad_media = false;
    timestamp created_at{};  ///< the instant that the reader shows
};

/// Whether the targets are free. Errors: conflict, not_found, invalid.
result<void> find_export_conflict(const export_options& options);

/// Errors: conflict (a target is taken, or a row is deleted and the map has no field for that),
/// invalid (the map has no model for what there is). Throws as write_dump does. Nothing stands
/// under the targets' names then.
result<dump::dump_report> export_fixture(const kv::reader& reader, const media::media_reader& media,
                                         const export_options& options, const work_watch& watch);

}  // namespace pinhole::storage::django
