// Passwords as they reach a tool: never as an argument, where everybody on the machine sees them.
#pragma once

#include <stop_token>
#include <string>

namespace pinhole::admin {

/// The first line of standard input; or, from a terminal, what is typed twice without an echo.
/// Errors: throws usage_error where there is neither; `refusal` for two that differ, or one that is
/// no password (the rule of the API); storage::work_interrupted, with the echo as it was.
std::string read_password(bool from_standard_input, const std::stop_token& stop);

}  // namespace pinhole::admin
