// What all fuzz targets share. A target is one function over bytes that breaks off when a property
// does not hold; libFuzzer calls it with what it makes up (libfuzzer_entry.cpp), every ordinary
// test run with what the corpus holds (replay.cpp).
//
// Thread-safety: one thread. A broken property ends the process: libFuzzer then keeps the input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <source_location>
#include <string>
#include <string_view>

namespace pinhole::fuzz {

/// Defined by each target.
void check_input(std::string_view input);

/// Ends the process with a message unless `holds`.
void require(bool holds, std::string_view property,
             std::source_location from = std::source_location::current());

/// Random choices that depend on the input alone, so that a reproducer reproduces.
class choices {
public:
    explicit choices(std::string_view input);
    /// In [0, below). Requires: below > 0.
    std::size_t pick(std::size_t below);

private:
    std::minstd_rand random_;
};

/// Takes the first byte off; 0 where there is none.
std::uint8_t take_byte(std::string_view& input);

/// Takes the first line off, without its LF; all of it where there is none.
std::string_view take_line(std::string_view& input);

/// Calls `visit` with the input in pieces cut at random, most of them short.
template <class Visit>
void for_each_piece(std::string_view input, choices& random, Visit visit) {
    while (!input.empty()) {
        const std::size_t longest = random.pick(4) == 0 ? input.size() : 8;
        const auto piece = input.substr(0, 1 + random.pick(longest));
        input.remove_prefix(piece.size());
        if (!visit(piece)) {
            return;
        }
    }
}

}  // namespace pinhole::fuzz
