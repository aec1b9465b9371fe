// What options and arguments of several words must look like. Thread-safe.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>
#include <vector>

namespace pinhole::admin {

/// A number as people write it. CLI11 takes 010 as octal, and 0x10.
CLI::Validator decimal();

/// A file that is named as if it were compressed, say, and would not be. In whatever case.
CLI::Validator not_named_as(std::vector<std::string> endings);

/// What is written must not come to lie among the database's files, or the media that are served.
/// Errors: throws refusal.
void require_beside_data(const std::filesystem::path& target,
                         const std::filesystem::path& data_dir);

}  // namespace pinhole::admin
