#pragma once

#include <string>
#include <vector>

namespace pinhole::test {

/// Runs a program to its end, silently. Its exit status, 127 if there is none of that name, or the
/// negative number of the signal that ended it. Throws std::system_error if it can't be started.
int run_program(std::vector<std::string> arguments);

}  // namespace pinhole::test
