#include "storage/schema/trigrams.hpp"

#include <algorithm>
#include <array>

#include "storage/base/fold.hpp"
#include "storage/base/hash.hpp"

namespace pinhole::storage {

namespace {

constexpr bool is_continuation(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

bool is_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::string to_term(std::string_view code_points) {
    if (is_ascii(code_points)) {
        return std::string{code_points};
    }
    const std::uint64_t hash = fnv1a(code_points);
    return {static_cast<char>(0x80 | (hash >> 16 & 0x7F)), static_cast<char>(hash >> 8 & 0xFF),
            static_cast<char>(hash & 0xFF)};
}

}  // namespace

std::vector<std::string> trigrams_of(std::string_view utf8) {
    const std::string folded = fold_case(utf8);
    std::vector<std::string> terms;
    terms.reserve(folded.size());
    std::array<std::size_t, 3> starts{};  // of the last three code points, oldest first
    std::size_t seen = 0;
    for (std::size_t at = 0; at < folded.size();) {
        starts = {starts[1], starts[2], at};
        ++seen;
        for (++at; at < folded.size() && is_continuation(folded[at]); ++at) {
        }
        if (seen >= starts.size()) {
            terms.push_back(to_term(std::string_view{folded}.substr(starts[0], at - starts[0])));
        }
    }
    std::ranges::sort(terms);
    terms.erase(std::ranges::unique(terms).begin(), terms.end());
    return terms;
}

}  // namespace pinhole::storage
