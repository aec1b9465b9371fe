#include "tests/fuzz/fuzz_target.hpp"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    // A copy of just the size, so that AddressSanitizer sees a read behind its end.
    const std::string input(reinterpret_cast<const char*>(data), size);
    pinhole::fuzz::check_input(input);
    return 0;
}
