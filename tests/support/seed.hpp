// The seed of random tests.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>

namespace pinhole::test {

/// PINHOLE_TEST_SEED, which repeats a run that failed, or another one each time. Of 32 bits. Say it
/// where a test fails.
inline std::uint32_t make_seed() {
    const char* const given = std::getenv("PINHOLE_TEST_SEED");
    return given != nullptr ? static_cast<std::uint32_t>(std::stoul(given))
                            : std::random_device{}();
}

}  // namespace pinhole::test
