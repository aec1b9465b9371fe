// Where paths lie. Thread-safe. Blocks: on the disk, for the links in them.
#pragma once

#include <filesystem>

namespace pinhole::storage {

/// Whether it is the folder or something in it, once links are followed; none of it needs to exist.
/// Errors: throws std::filesystem::filesystem_error.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder);

}  // namespace pinhole::storage
