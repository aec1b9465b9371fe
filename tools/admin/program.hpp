// The program around the words: global options, help, and how it ends.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <stop_token>

#include "tools/admin/words.hpp"

namespace pinhole::admin {

struct global_options {
    std::filesystem::path data_dir = "./data";
    bool json = false;
    bool quiet = false;
};

/// The program's name on the command line, and for completion.
inline constexpr std::string_view program_name = "pinhole-admin";

/// Runs the word that the command line names. The exit status.
int run(int argc, const char* const* argv, const std::stop_token& stop);

}  // namespace pinhole::admin
