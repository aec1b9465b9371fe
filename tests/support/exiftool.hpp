// ExifTool, for what metadata a file has: a program that knows of more places for them than any
// code of ours.
//
// Thread-safety: any thread. Errors: std::runtime_error if the program is missing or fails.
#pragma once

#include <string>
#include <string_view>

namespace pinhole::test {

/// What `exiftool ARGUMENTS FILE` says of a file of these bytes.
std::string read_tags(std::string_view bytes, const std::string& arguments);

/// The bytes after `exiftool ARGUMENTS FILE` wrote tags; the file's name ends with `extension`.
std::string with_tags(std::string_view bytes, const std::string& extension,
                      const std::string& arguments);

/// Every tag that may tell of a place; empty if there is none.
std::string find_positions(std::string_view bytes);

}  // namespace pinhole::test
