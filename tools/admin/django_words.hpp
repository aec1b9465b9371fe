// What import-django and export-django share: the map that --map names, and paths that may be
// absent.
//
// Blocks: reads a file. Errors: refusal, with its line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "storage/django/field_map.hpp"

namespace pinhole::admin {

/// Without a path: the built-in one.
storage::django::field_map load_map(const std::string& path);

/// Nothing for an option that was not given.
inline std::optional<std::filesystem::path> path_if(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional<std::filesystem::path>{text};
}

}  // namespace pinhole::admin
