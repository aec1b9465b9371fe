#include "storage/schema/trigrams.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

using terms = std::vector<std::string>;

bool includes(const terms& all, const terms& some) {
    return std::ranges::includes(all, some);
}

/// A text of code points of one to four bytes.
std::string random_text(generator& random, std::size_t code_points) {
    static const terms alphabet{"a", "B", " ", "%", "é", "Ж", "ж", "바", "다", "\U0001F600"};
    std::string text;
    while (code_points-- > 0) {
        text += alphabet[random.pick(alphabet.size())];
    }
    return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trigrams)

BOOST_AUTO_TEST_CASE(three_code_points_in_a_row_are_a_term) {
    BOOST_TEST((trigrams_of("abca") == terms{"ABC", "BCA"}));
    BOOST_TEST((trigrams_of("a%b_") == terms{"%B_", "A%B"}));
    BOOST_TEST((trigrams_of("aaaaa") == terms{"AAA"}));
}

BOOST_AUTO_TEST_CASE(a_shorter_text_has_none) {
    for (const char* text : {"", "a", "ab", "바다", "\U0001F600\U0001F600"}) {
        BOOST_TEST(trigrams_of(text).empty());
    }
    BOOST_TEST(trigrams_of("바다가").size() == 1U);
}

BOOST_AUTO_TEST_CASE(letter_case_is_folded) {
    BOOST_TEST((trigrams_of("МОСКВА") == trigrams_of("москва")));
    BOOST_TEST((trigrams_of("Sea") == trigrams_of("sEA")));
    BOOST_TEST((trigrams_of("sea") != trigrams_of("see")));
}

// ON DISK: these bytes are in databases.
BOOST_AUTO_TEST_CASE(the_bytes_stay_what_they_are) {
    BOOST_TEST(hex(trigrams_of("sea").front()) == "534541");
    BOOST_TEST(hex(trigrams_of("바다가").front()) == hex(trigrams_of("바다가").back()));
    BOOST_TEST(trigrams_of("바다가").front().size() == 3U);
    BOOST_TEST(static_cast<unsigned char>(trigrams_of("바다가").front()[0]) >= 0x80);
}

BOOST_AUTO_TEST_CASE(a_visit_meets_the_same_trigrams) {
    generator random{make_seed()};
    for (int i = 0; i < 200; ++i) {
        const std::string text =
            i % 2 == 0 ? random_text(random, random.pick(12)) : random.bytes(random.pick(12));
        terms visited;
        visit_trigrams(text, [&](std::string_view term) { visited.emplace_back(term); });
        std::ranges::sort(visited);
        visited.erase(std::ranges::unique(visited).begin(), visited.end());
        BOOST_REQUIRE((visited == trigrams_of(text)));
    }
}

BOOST_AUTO_TEST_CASE(a_text_has_the_trigrams_of_its_parts) {
    generator random{make_seed()};
    for (int i = 0; i < 2'000; ++i) {
        const std::string before = random_text(random, random.pick(6));
        const std::string part = random_text(random, random.pick(8));
        const std::string after = random_text(random, random.pick(6));
        BOOST_REQUIRE(includes(trigrams_of(before + part + after), trigrams_of(part)));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
