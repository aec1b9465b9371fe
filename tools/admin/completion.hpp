// Completion for bash, derived from the words and options that the program declares. Pure.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace pinhole::admin {

/// A script for bash to source.
std::string make_bash_completion(const CLI::App& program);

}  // namespace pinhole::admin
