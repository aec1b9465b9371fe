// Random numbers that are the same everywhere: what a seed gives must not depend on a library's
// idea of a distribution or of a logarithm, or two machines would measure different data.
//
// Integers only. Not for secrets. A value belongs to one thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace pinhole::sample {

/// SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators", 2014).
class random_numbers {
public:
    explicit random_numbers(std::uint64_t seed) : state_(seed) {}
    /// The numbers that belong to one of many things of a kind, whatever was drawn for the others.
    random_numbers(std::uint64_t kind, std::uint64_t which) : state_(kind) {
        state_ = next() ^ which;
        state_ = next();
    }

    std::uint64_t next() {
        std::uint64_t mixed = state_ += 0x9E37'79B9'7F4A'7C15U;
        mixed = (mixed ^ (mixed >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94D0'49BB'1331'11EBU;
        return mixed ^ (mixed >> 31U);
    }

    /// In [0, bound), for a bound of at most 2^32.
    std::uint64_t below(std::uint64_t bound) { return ((next() >> 32U) * bound) >> 32U; }
    /// In [first, last].
    std::uint64_t between(std::uint64_t first, std::uint64_t last) {
        return first + below(last - first + 1);
    }
    bool one_in(std::uint64_t chances) { return below(chances) == 0; }

    template <class Items>
    const auto& pick(const Items& items) {
        return items[static_cast<std::size_t>(below(items.size()))];
    }

private:
    std::uint64_t state_;
};

/// Ranks from 0, each as probable as 1 / (rank + offset): Zipf's law, as Mandelbrot flattened its
/// head.
class zipf {
public:
    zipf(std::size_t ranks, std::uint64_t offset) {
        constexpr std::uint64_t scale = std::uint64_t{1} << 32U;
        sums_.reserve(ranks);
        std::uint64_t sum = 0;
        for (std::size_t rank = 0; rank < ranks; ++rank) {
            sum += scale / (rank + offset);
            sums_.push_back(sum);
        }
    }

    std::size_t draw(random_numbers& random) const {
        // The sum has about 36 bits, so taking the remainder of 64 favours nobody noticeably.
        const std::uint64_t at = random.next() % sums_.back();
        return static_cast<std::size_t>(std::ranges::upper_bound(sums_, at) - sums_.begin());
    }

private:
    std::vector<std::uint64_t> sums_;
};

/// The numbers from 0, each once, in any order (Fisher, Yates).
inline std::vector<std::uint32_t> make_permutation(std::size_t count, random_numbers& random) {
    std::vector<std::uint32_t> order(count);
    for (std::size_t i = 0; i < count; ++i) {
        order[i] = static_cast<std::uint32_t>(i);
    }
    for (std::size_t i = count; i > 1; --i) {
        std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
    }
    return order;
}

}  // namespace pinhole::sample
