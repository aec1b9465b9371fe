// How pinhole-admin ends, and the exceptions by which a word says so. Scripts rely on the numbers:
// never change them. `--help` and docs/admin.md explain them.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace pinhole::admin {

enum class exit_code : std::uint8_t {
    done = 0,
    refused = 1,  ///< faults were found, or what was asked for cannot be done with what is there
    usage = 2,    ///< called wrongly
    failed = 3,   ///< the environment failed: the disk, a lock, a server out of reach
    interrupted = 130,
};

/// Ends the word with `refused`; the message is for whoever called it.
struct refusal : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Ends the word with `usage`: what the command line says is wrong in a way that only the word
/// sees.
struct usage_error : std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace pinhole::admin
