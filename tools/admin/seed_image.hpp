// Small pictures for sample data: a sky, a sun, and hills or waves, of other colours and shapes
// each time, so that people can tell one post from the other. Thread-safe. Blocks: some
// milliseconds of CPU.
#pragma once

#include <cstdint>
#include <string>

#include "tools/sample/random.hpp"

namespace pinhole::admin {

struct seed_image {
    std::string jpeg;
    std::int64_t width = 0;
    std::int64_t height = 0;
};

/// Errors: throws std::runtime_error.
seed_image make_seed_image(sample::random_numbers& random);

}  // namespace pinhole::admin
