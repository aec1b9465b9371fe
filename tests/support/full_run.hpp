#pragma once

#include <cstdlib>
#include <string_view>

namespace pinhole::test {

/// Whether every place is to be tried instead of a sample: PINHOLE_TEST_FAULTS=full.
inline bool is_full_run() {
    const char* wanted = std::getenv("PINHOLE_TEST_FAULTS");
    return wanted != nullptr && std::string_view{wanted} == "full";
}

}  // namespace pinhole::test
