// What a purge would do: every row is asked, and its parents (purge.hpp).
//
// Thread-safe. Blocks: on the disk, as a walk over all rows does.
#pragma once

#include "storage/maintenance/purge.hpp"

namespace pinhole::storage {

purge_report count_purge(const kv::reader& reader, const purge_options& options);

}  // namespace pinhole::storage
