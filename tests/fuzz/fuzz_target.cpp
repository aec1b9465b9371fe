#include "tests/fuzz/fuzz_target.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace pinhole::fuzz {
namespace {

std::uint32_t seed_of(std::string_view input) {
    std::uint32_t hash = 2'166'136'261U;  // FNV-1a
    for (const char byte : input) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 16'777'619U;
    }
    return hash;
}

}  // namespace

void require(bool holds, std::string_view property, std::source_location from) {
    if (!holds) {
        std::fprintf(stderr, "%s:%u: the property does not hold: %.*s\n", from.file_name(),
                     static_cast<unsigned>(from.line()), static_cast<int>(property.size()),
                     property.data());
        std::abort();
    }
}

choices::choices(std::string_view input) : random_(seed_of(input)) {}

std::size_t choices::pick(std::size_t below) {
    return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_);
}

std::uint8_t take_byte(std::string_view& input) {
    if (input.empty()) {
        return 0;
    }
    const auto byte = static_cast<std::uint8_t>(input.front());
    input.remove_prefix(1);
    return byte;
}

std::string_view take_line(std::string_view& input) {
    const auto line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(line.size() + 1, input.size()));
    return line;
}

}  // namespace pinhole::fuzz
