#include "tests/soak/flatness.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

namespace pinhole::test {

namespace {

constexpr std::size_t samples_min = 16;

double median(std::span<const double> part) {
    std::vector<double> sorted(part.begin(), part.end());
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::ranges::nth_element(sorted, middle);
    return *middle;
}

}  // namespace

verdict judge(std::string_view what, const std::vector<double>& samples, tolerance allowed) {
    if (samples.size() < samples_min) {
        return {.is_flat = false,
                .line = fmt::format("{:<24} {} samples are too few", what, samples.size())};
    }
    const std::span<const double> all(samples);
    const std::size_t quarter = samples.size() / 4;
    const double before = median(all.subspan(quarter, quarter));
    const double after = median(all.last(quarter));
    const double limit = before * (1 + allowed.share) + allowed.beside;
    const bool is_flat = after <= limit;
    return {.is_flat = is_flat,
            .line = fmt::format("{:<24} second quarter {:>10.1f}, last quarter {:>10.1f}, at most "
                                "{:>10.1f}: {}",
                                what, before, after, limit, is_flat ? "flat" : "GROWS")};
}

}  // namespace pinhole::test
