// What people write in sample data: some thousand words with the frequencies of a language, most
// of them made of syllables, the frequent ones real English, Korean and Russian.
//
// Always the same words in the same order. Thread-safe once made.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/sample/random.hpp"

namespace pinhole::sample {

/// The most frequent word: in about a third of the posts.
inline constexpr std::string_view common_word = "sea";
/// Two words side by side, in one text of two hundred and nowhere else by design.
inline constexpr std::string_view known_phrase = "low tide";
/// A word that `make_text` never writes: whoever needs a needle puts it in.
inline constexpr std::string_view rare_word = "quokka";

class vocabulary {
public:
    vocabulary();

    /// A text of so many words, perhaps with the phrase beside them, begun and ended as people do.
    std::string make_text(random_numbers& random, std::uint64_t words_min,
                          std::uint64_t words_max) const;
    /// A first and a last name.
    static std::string make_name(random_numbers& random);
    /// What may be a username; not always another one.
    static std::string make_username(random_numbers& random);

private:
    std::vector<std::string> words_;
    zipf frequencies_;
};

}  // namespace pinhole::sample
