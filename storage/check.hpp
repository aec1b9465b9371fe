// Looks at every row, index entry, unique entry and counter, and says where they do not agree with
// each other: what a commit writes together must be there together, whatever happened since.
//
// It derives from the entities' declarations, so that what is added to them is checked as well. It
// repairs nothing, and knows nothing of the media files.
// Thread-safe. Blocks: it reads the whole store, with a handful of point reads for each row.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "storage/kv/store.hpp"

namespace pinhole::storage {

struct check_report {
    std::size_t rows = 0;           ///< of all entities
    std::size_t index_entries = 0;  ///< and unique entries
    std::size_t problems = 0;
    /// The first hundred of them, a line for each.
    std::vector<std::string> details;
};

/// Requires: a blocking reader.
/// Errors: what is stored in a form that no version wrote is a problem like others; a store that
/// cannot be read throws kv::storage_failure.
check_report check_rows(const kv::reader& reader);

}  // namespace pinhole::storage
