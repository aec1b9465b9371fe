// A dump that is a tar stream, plain or compressed with zstd (archive_reader.hpp). The formats are
// libarchive's.
#pragma once

#include <memory>

#include "storage/base/unique_fd.hpp"
#include "storage/dump/archive_reader.hpp"

namespace pinhole::storage::dump {

/// Reads the descriptor from where it stands to the archive's end; it need not be seekable.
std::unique_ptr<archive_reader> open_tar_archive(unique_fd stream);

}  // namespace pinhole::storage::dump
