// Which media the rows of a database name, and where each belongs by them.
//
// Pure but for the reader. For one thread. Blocks: on the disk.
#pragma once

#include <filesystem>
#include <functional>

#include "storage/backup/media_list.hpp"
#include "storage/base/work.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage::backup {

/// Calls `function` with each medium that a row names, in the order of paths; the size is the
/// row's, 0 where it says none. What cannot be read as a row names nothing. `scratch`: a folder for
/// temporary files.
/// Requires: a blocking reader.
void for_each_named_medium(const kv::reader& reader, const std::filesystem::path& scratch,
                           const work_watch& watch,
                           const std::function<void(listed_medium medium)>& function);

}  // namespace pinhole::storage::backup
