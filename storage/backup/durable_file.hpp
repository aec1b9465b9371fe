// Small files that are whole or not there: written aside under `NAME.new`, brought to the disk, and
// then given their name.
//
// Thread-safety: one thread for a file. Blocks: on the disk. Errors: throws std::system_error.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"

namespace pinhole::storage::backup {

inline constexpr std::string_view aside_extension = ".new";

/// Opens `path`.new, empty, for writing; only its owner may read it.
unique_fd create_aside(const std::filesystem::path& path);
/// Makes what was written durable, under its name.
void give_name(int fd, const std::filesystem::path& path);

void write_durably(const std::filesystem::path& path, std::string_view bytes);

/// Nothing is told of a file that is not there but that it is not: throws ENOENT.
std::string read_whole(const std::filesystem::path& path);

}  // namespace pinhole::storage::backup
