#include "tools/sample/vocabulary.hpp"

#include <array>
#include <cstddef>
#include <unordered_set>
#include <utility>

namespace pinhole::sample {

namespace {

constexpr std::size_t words_count = 4'000;
/// Keeps the most frequent word below a twentieth of all.
constexpr std::uint64_t words_offset = 3;
constexpr std::uint64_t vocabulary_seed = 0x766F'6361'6275'6C61;

constexpr std::array<std::string_view, 80> english{
    common_word, "light",   "the",     "and",      "morning",  "with",    "beach",   "from",
    "sunset",    "coffee",  "today",   "home",     "again",    "city",    "winter",  "summer",
    "friends",   "window",  "street",  "mountain", "river",    "old",     "new",     "rain",
    "night",     "garden",  "bread",   "first",    "last",     "walk",    "blue",    "green",
    "quiet",     "harbour", "train",   "bridge",   "snow",     "forest",  "island",  "weekend",
    "dinner",    "kitchen", "bicycle", "market",   "autumn",   "spring",  "cloud",   "storm",
    "wind",      "sand",    "lake",    "road",     "roof",     "shadow",  "colour",  "flower",
    "tree",      "bird",    "dog",     "cat",      "love",     "happy",   "slow",    "long",
    "little",    "great",   "time",    "year",     "birthday", "holiday", "museum",  "concert",
    "camera",    "lens",    "film",    "portrait", "family",   "sister",  "brother", "neighbour"};

constexpr std::array<std::string_view, 20> korean{
    "바다", "사진", "아침", "커피", "여행", "하늘", "오늘",   "주말", "친구", "가을",
    "겨울", "봄",   "여름", "노을", "서울", "부산", "고양이", "산책", "꽃",   "바람"};

constexpr std::array<std::string_view, 20> russian{
    "море",  "свет",  "утро", "кофе", "город", "зима", "лето",   "осень", "весна", "снег",
    "дождь", "улица", "мост", "река", "небо",  "друг", "Москва", "окно",  "вечер", "закат"};

constexpr std::array<std::string_view, 20> onsets{"b",  "d",  "f",  "g",  "h",  "k", "l",
                                                  "m",  "n",  "p",  "r",  "s",  "t", "v",
                                                  "st", "tr", "br", "kl", "pl", "w"};
constexpr std::array<std::string_view, 8> vowels{"a", "e", "i", "o", "u", "ai", "ou", "ea"};
constexpr std::array<std::string_view, 9> codas{"", "", "", "", "n", "r", "s", "l", "m"};

constexpr std::array<std::string_view, 8> foreign_names{"김민준",  "이서연", "박지훈",   "최수아",
                                                        "Иванова", "Петров", "Соколова", "Orlov"};

std::string make_word(random_numbers& random, std::uint64_t syllables_min,
                      std::uint64_t syllables_max) {
    std::string word;
    for (auto left = random.between(syllables_min, syllables_max); left > 0; --left) {
        word += random.pick(onsets);
        word += random.pick(vowels);
        word += random.pick(codas);
    }
    return word;
}

std::string capitalised(std::string text) {
    if (text.front() >= 'a' && text.front() <= 'z') {
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    }
    return text;
}

/// The real words first, every fifth of them not English, then what syllables give.
std::vector<std::string> make_words() {
    std::vector<std::string> words;
    words.reserve(words_count);
    for (std::size_t i = 0; i < english.size(); ++i) {
        words.emplace_back(english[i]);
        if (i % 4 == 3) {
            words.emplace_back(korean[i / 4]);
            words.emplace_back(russian[i / 4]);
        }
    }
    std::unordered_set<std::string> known(words.begin(), words.end());
    random_numbers random{vocabulary_seed};
    while (words.size() < words_count) {
        std::string word = make_word(random, 1, 3);
        if (word.size() > 2 && known.insert(word).second) {
            words.push_back(std::move(word));
        }
    }
    return words;
}

}  // namespace

vocabulary::vocabulary() : words_(make_words()), frequencies_(words_.size(), words_offset) {}

std::string vocabulary::make_text(random_numbers& random, std::uint64_t words_min,
                                  std::uint64_t words_max) const {
    static constexpr std::array<std::string_view, 8> ends{"", "", "", ".", ".", "!", "…", " 🌊"};
    const std::uint64_t count = random.between(words_min, words_max);
    const std::uint64_t phrase_at = random.one_in(200) ? random.below(count) : count;
    std::string text;
    for (std::uint64_t i = 0; i < count; ++i) {
        if (i > 0) {
            text += ' ';
        }
        if (i == phrase_at) {
            text += known_phrase;
            text += ' ';
        }
        text += words_[frequencies_.draw(random)];
    }
    text += random.pick(ends);
    return random.one_in(4) ? text : capitalised(std::move(text));
}

std::string vocabulary::make_name(random_numbers& random) {
    std::string name = capitalised(make_word(random, 1, 2));
    name += ' ';
    name += random.one_in(10) ? std::string{random.pick(foreign_names)}
                              : capitalised(make_word(random, 2, 2));
    return name;
}

std::string vocabulary::make_username(random_numbers& random) {
    std::string name = make_word(random, 2, 2);
    if (random.one_in(3)) {
        name += random.one_in(2) ? '.' : '_';
        name += make_word(random, 1, 1);
    }
    return name;
}

}  // namespace pinhole::sample
