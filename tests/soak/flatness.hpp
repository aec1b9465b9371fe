// Whether something that was measured again and again stays as it is, or grows.
//
// Compared are the medians of the second quarter and of the last: the first is warm-up, and a
// median does not mind a sample that was taken while something large went by. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pinhole::test {

/// By how much the last quarter may lie above the second: a part of it, and beside that so much in
/// any case.
struct tolerance {
    double share = 0;
    double beside = 0;
};

struct verdict {
    bool is_flat = false;
    std::string line;  ///< the medians, and what they mean
};

/// Fewer than 16 samples say nothing, and are not flat.
verdict judge(std::string_view what, const std::vector<double>& samples, tolerance allowed);

}  // namespace pinhole::test
