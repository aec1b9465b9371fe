// What mends one finding of the check, planned on one state of the store (repair.hpp).
//
// Pure; thread-safe. Blocks: on the reader.
#pragma once

#include <optional>
#include <string>

#include "storage/check.hpp"

namespace pinhole::storage {

struct mend {
    kv::commit commit;
    std::string text;
};

/// Nothing if it is mended already, or cannot be. The commit checks whatever it was planned on: a
/// conflict means to plan anew.
/// Errors: throws corrupt_row where a row that has to be read cannot be: then nobody knows.
std::optional<mend> plan_mend(const kv::reader& reader, const finding& found);

}  // namespace pinhole::storage
