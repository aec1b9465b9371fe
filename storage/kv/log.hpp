// How whatever lies below the program says something to its operator.
//
// Thread-safety: as said of log_function.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace pinhole::kv {

enum class log_level : std::uint8_t { debug, info, warning, error };

/// Called from any thread, also from a backend's own; must not block for long, nor throw.
using log_function = std::function<void(log_level, std::string_view)>;

}  // namespace pinhole::kv
