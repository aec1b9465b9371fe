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

/// A term as the number that compares as its three bytes do: most of the work with terms is sorting
/// them.
using term_number = std::uint32_t;
constexpr std::size_t term_bytes = 3;

term_number to_ascii_term(std::string_view three) {
    const auto byte_at = [&](std::size_t at) {
        return term_number{static_cast<unsigned char>(three[at])};
    };
    return byte_at(0) << 16U | byte_at(1) << 8U | byte_at(2);
}

term_number to_term(std::string_view code_points) {
    if (code_points.size() == term_bytes && is_ascii(code_points)) {
        return to_ascii_term(code_points);
    }
    return 0x80'0000U | static_cast<term_number>(fnv1a(code_points) & 0x7F'FFFFU);
}

std::array<char, term_bytes> to_bytes(term_number term) {
    return {static_cast<char>(term >> 16U), static_cast<char>(term >> 8U & 0xFFU),
            static_cast<char>(term & 0xFFU)};
}

template <class Function>
void for_each_term(std::string_view folded, const Function& function) {
    if (is_ascii(folded)) {
        for (std::size_t at = 0; at + term_bytes <= folded.size(); ++at) {
            function(to_ascii_term(folded.substr(at, term_bytes)));
        }
        return;
    }
    std::array<std::size_t, 3> starts{};  // of the last three code points, oldest first
    std::size_t seen = 0;
    for (std::size_t at = 0; at < folded.size();) {
        starts = {starts[1], starts[2], at};
        ++seen;
        for (++at; at < folded.size() && is_continuation(folded[at]); ++at) {
        }
        if (seen >= starts.size()) {
            function(to_term(folded.substr(starts[0], at - starts[0])));
        }
    }
}

}  // namespace

std::vector<std::string> trigrams_of(std::string_view utf8) {
    const std::string folded = fold_case(utf8);
    std::vector<term_number> terms;
    terms.reserve(folded.size());
    for_each_term(folded, [&](term_number term) { terms.push_back(term); });
    std::ranges::sort(terms);
    terms.erase(std::ranges::unique(terms).begin(), terms.end());
    std::vector<std::string> all;
    all.reserve(terms.size());
    for (const term_number term : terms) {
        const auto bytes = to_bytes(term);
        all.emplace_back(bytes.data(), bytes.size());
    }
    return all;
}

void visit_trigrams(std::string_view utf8, const term_visitor& visit) {
    for_each_term(fold_case(utf8), [&](term_number term) {
        const auto bytes = to_bytes(term);
        visit({bytes.data(), bytes.size()});
    });
}

}  // namespace pinhole::storage
