// A dump that is a directory (archive_reader.hpp).
#pragma once

#include <memory>

#include "storage/base/unique_fd.hpp"
#include "storage/dump/archive_reader.hpp"

namespace pinhole::storage::dump {

/// Follows no link below the directory, but to it there may be one. Media come in the order in
/// which the file system has them.
std::unique_ptr<archive_reader> open_folder_archive(unique_fd folder);

}  // namespace pinhole::storage::dump
