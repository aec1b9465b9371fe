// The chunked coding alone: every split, every byte of its framing, every limit.
#include "server/chunk_decoder.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace pinhole::http {
namespace {

/// What came of a whole message: its data, and how much of what was given lies behind it.
struct decoded {
    std::string data;
    std::size_t left = 0;
    bool operator==(const decoded&) const = default;
};

/// None if it is malformed or has no end. Each piece is a buffer of its own, so that a view that
/// outlives its step is seen by the sanitizer.
std::optional<decoded> decode(const std::vector<std::string_view>& pieces) {
    chunk_decoder decoder;
    decoded whole;
    bool done = false;
    for (const auto piece : pieces) {
        const std::string copy(piece);
        std::string_view left = copy;
        while (!done && !left.empty()) {
            const auto step = decoder.decode(left);
            if (!step) {
                return std::nullopt;
            }
            BOOST_REQUIRE(step->consumed > 0);
            whole.data += step->data;
            done = step->done;
            left.remove_prefix(step->consumed);
        }
        whole.left += left.size();
    }
    return done ? std::optional(whole) : std::nullopt;
}

/// In two and in three pieces, at every place; byte by byte; at once.
void check_every_split(std::string_view text, const std::optional<decoded>& expected) {
    BOOST_TEST_CONTEXT(text) {
        for (std::size_t first = 0; first <= text.size(); ++first) {
            for (std::size_t second = first; second <= text.size(); ++second) {
                BOOST_REQUIRE((decode({text.substr(0, first), text.substr(first, second - first),
                                       text.substr(second)}) == expected));
            }
        }
        std::vector<std::string_view> bytes;
        bytes.reserve(text.size());
        for (std::size_t i = 0; i < text.size(); ++i) {
            bytes.push_back(text.substr(i, 1));
        }
        BOOST_REQUIRE((decode(bytes) == expected));
    }
}

BOOST_AUTO_TEST_SUITE(chunk_decoding)

/// Beast 1.81 asserts, and so ends the process, when an empty body's last line comes in pieces.
BOOST_AUTO_TEST_CASE(an_empty_chunked_body_in_pieces_ended_the_process) {
    check_every_split("0\r\n\r\n", decoded{});
    check_every_split("00\r\n\r\n", decoded{});
    check_every_split("0;a=\"b;\\\"c\"\r\n\r\n", decoded{});
    check_every_split("0\r\nTrailer: 1\r\nOther:\r\n\r\n", decoded{});
}

BOOST_AUTO_TEST_CASE(every_split_gives_the_same) {
    check_every_split("3\r\nabc\r\n0\r\n\r\n", decoded{"abc", 0});
    check_every_split("1\r\na\r\n0002;x\r\n\r\n\r\n00\r\nT: 1\r\n\r\nGET", decoded{"a\r\n", 3});
    check_every_split("3 ; a ;b = c; d=\"e f\"\r\nabc\r\n0\r\n\r\n", decoded{"abc", 0});
    check_every_split("A\r\n0123456789\r\n0\r\n\r\n0\r\n\r\n", decoded{"0123456789", 5});
}

BOOST_AUTO_TEST_CASE(malformed_framing_is_refused_at_every_split) {
    using namespace std::string_literals;
    for (const auto& wrong : std::vector<std::string>{"\r\n\r\n",
                                                      "x\r\n",
                                                      "0x0\r\n\r\n",
                                                      "-0\r\n\r\n",
                                                      "+0\r\n\r\n",
                                                      " 0\r\n\r\n",
                                                      "0 \r\n\r\n",
                                                      "0\n\r\n",
                                                      "0\r\n\n",
                                                      "0\r\r\n\r\n",
                                                      "0\r\n\r\r\n",
                                                      "0\r\n \r\n\r\n",
                                                      "1\r\nab\r\n0\r\n\r\n",
                                                      "1\r\na\n0\r\n\r\n",
                                                      "1\r\na\r0\r\n\r\n",
                                                      "1\r\na0\r\n\r\n",
                                                      "10000000000000000\r\n",
                                                      "0;\r\n\r\n",
                                                      "0;a=\r\n\r\n",
                                                      "0;a=\"b\r\n\r\n",
                                                      "0;a b\r\n\r\n",
                                                      "0;=b\r\n\r\n",
                                                      "0 a\r\n\r\n",
                                                      "0;a=\"b\"c\r\n\r\n",
                                                      "0;a=\"b\\\"\r\n\r\n"}) {
        check_every_split(wrong, std::nullopt);
    }
}

/// Whoever stands in front may take such a byte for the end of the line, or not.
BOOST_AUTO_TEST_CASE(control_bytes_in_extensions_and_trailers_were_accepted) {
    const std::string good = "3;a=\"b\"\r\nabc\r\n0;c=\"d\"\r\nT: v\r\n\r\n";
    BOOST_TEST((decode({good}) == decoded{"abc", 0}));
    for (const auto at : {good.find('b'), good.find('d'), good.find('v')}) {
        for (int byte = 0; byte < 256; ++byte) {
            const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
            if (control) {
                auto damaged = good;
                damaged[at] = static_cast<char>(byte);
                BOOST_TEST(!decode({damaged}), at << " " << byte);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(folded_trailers_were_accepted) {
    for (const auto* wrong : {"0\r\nT: 1\r\n 2\r\n\r\n", "0\r\nT: 1\r\n\t2\r\n\r\n",
                              "0\r\n T: 1\r\n\r\n", "0\r\nno colon\r\n\r\n", "0\r\nT : 1\r\n\r\n",
                              "0\r\n: 1\r\n\r\n", "0\r\nContent-Length: 1\r\n\r\n",
                              "0\r\ntransfer-encoding: chunked\r\n\r\n", "0\r\nHost: b\r\n\r\n"}) {
        check_every_split(wrong, std::nullopt);
    }
}

BOOST_AUTO_TEST_CASE(chunk_lines_are_bounded) {
    for (const auto& [bytes, good] : {std::pair(chunk_decoder::line_bytes_max, true),
                                      std::pair(chunk_decoder::line_bytes_max + 1, false)}) {
        const std::string line = "1;" + std::string(bytes - 4, 'e') + "\r\n";
        BOOST_TEST(decode({line, "x\r\n0\r\n\r\n"}).has_value() == good, bytes);
    }
    chunk_decoder decoder;
    BOOST_TEST(!decoder.decode(std::string(chunk_decoder::line_bytes_max + 1, '0')));
}

/// However much data there was.
BOOST_AUTO_TEST_CASE(trailers_are_bounded) {
    const std::string data(1'000'000, 'd');
    for (const auto& [bytes, good] : {std::pair(chunk_decoder::trailer_bytes_max, true),
                                      std::pair(chunk_decoder::trailer_bytes_max + 1, false)}) {
        std::string trailers;
        while (bytes - trailers.size() > 300) {
            trailers += "T: " + std::string(95, 't') + "\r\n";
        }
        trailers += "U:" + std::string(bytes - trailers.size() - 6, 'u') + "\r\n\r\n";
        BOOST_REQUIRE(trailers.size() == bytes);
        BOOST_TEST(decode({"f4240\r\n", data, "\r\n0\r\n", trailers}).has_value() == good, bytes);
    }
}

BOOST_AUTO_TEST_CASE(framing_is_bounded_by_the_data_it_carries) {
    std::string small_chunks;
    for (int i = 0; i < 100'000; ++i) {
        small_chunks += "1\r\nx\r\n";
    }
    BOOST_TEST(decode({small_chunks, "0\r\n\r\n"})->data.size() == 100'000U);
    std::string wasteful;
    for (int i = 0; i < 10'000; ++i) {
        wasteful += "1;aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n";
    }
    BOOST_TEST(!decode({wasteful, "0\r\n\r\n"}));
}

BOOST_AUTO_TEST_CASE(random_damage_is_never_more_than_an_error) {
    std::mt19937 random(7);
    const std::string whole = "3;a=\"b\"\r\nabc\r\n0\r\nT: 1\r\n\r\n";
    int accepted = 0;
    for (int round = 0; round < 50'000; ++round) {
        auto damaged = whole;
        damaged[random() % damaged.size()] = static_cast<char>(random());
        const auto at_once = decode({damaged});
        const auto cut = random() % damaged.size();
        const auto in_pieces = decode(
            {std::string_view(damaged).substr(0, cut), std::string_view(damaged).substr(cut)});
        BOOST_REQUIRE((at_once == in_pieces));
        accepted += at_once.has_value() ? 1 : 0;
    }
    BOOST_TEST(accepted > 1000);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
