// Which version of Pinhole this is. Pure.
#pragma once

#include <string_view>

namespace pinhole::storage {

/// "0.1.0"
std::string_view program_version();

}  // namespace pinhole::storage
