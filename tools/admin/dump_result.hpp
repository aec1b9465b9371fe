// What the words that write a dump, in whatever form, tell of it.
//
// For one thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "storage/dump/dump.hpp"
#include "tools/admin/console.hpp"

namespace pinhole::admin {

/// The result with --json.
nlohmann::json to_json(const std::string& target, const storage::dump::dump_report& report);

/// A line for each file whose bytes are missing or not what they were, as far as they are kept.
void tell_bad_media(console& out, const storage::dump::dump_report& report);

}  // namespace pinhole::admin
