// The multipart parser alone: every split, every limit, and random bodies against a naive parser.
#include "server/multipart.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace pinhole::http {
namespace {

struct part {
    std::string name;
    std::optional<std::string> filename;
    std::string content_type;
    std::string data;
    bool operator==(const part&) const = default;
};
using parse_result = std::expected<std::vector<part>, std::string>;

/// Feeds `body` in pieces whose sizes `next_size` gives.
parse_result parse(std::string_view boundary, std::string_view body,
                   const std::function<std::size_t()>& next_size, multipart_limits limits = {}) {
    multipart_parser parser(boundary, limits);
    std::vector<part> parts;
    bool open = false;
    while (!body.empty()) {
        const std::string piece(body.substr(0, std::max<std::size_t>(next_size(), 1)));
        body.remove_prefix(piece.size());
        parser.feed(piece);
        for (;;) {
            const auto event = parser.next();
            if (!event) {
                BOOST_TEST(!parser.finish());
                BOOST_TEST(!parser.next());
                return std::unexpected(event.error());
            }
            if (*event == multipart_parser::event::need_more) {
                break;
            }
            if (*event == multipart_parser::event::part_begin) {
                BOOST_TEST(!open);
                open = true;
                const auto& header = parser.header();
                parts.push_back({header.name, header.filename, header.content_type, {}});
            } else if (*event == multipart_parser::event::data) {
                BOOST_TEST(open);
                BOOST_TEST(!parser.data().empty());
                parts.back().data.append(parser.data().data(), parser.data().size());
            } else if (*event == multipart_parser::event::part_end) {
                BOOST_TEST(open);
                open = false;
            } else {
                BOOST_TEST(!open);
            }
        }
    }
    if (const auto finished = parser.finish(); !finished) {
        return std::unexpected(finished.error());
    }
    return parts;
}

parse_result parse_whole(std::string_view body, multipart_limits limits = {}) {
    return parse("b", body, [&body] { return body.size(); }, limits);
}

std::string part_text(std::string_view headers, std::string_view data) {
    return "--b\r\n" + std::string(headers) + "\r\n\r\n" + std::string(data) + "\r\n";
}
std::string field(std::string_view name, std::string_view data) {
    return part_text("Content-Disposition: form-data; name=\"" + std::string(name) + "\"", data);
}

BOOST_AUTO_TEST_SUITE(multipart)

const std::string sample =
    "preamble\r\n" + field("content", "a photo\r\n--\r\n--bo") +
    part_text(
        "Content-Disposition: form-data; name=\"files\"; filename=\"x.jpg\"\r\n"
        "Content-Type: image/jpeg",
        "\r\n--\r\r\n-\r\n--a") +
    field("empty", "") + "--b--\r\nepilogue";
const std::vector<part> sample_parts{
    {"content", std::nullopt, "", "a photo\r\n--\r\n--bo"},
    {"files", "x.jpg", "image/jpeg", "\r\n--\r\r\n-\r\n--a"},
    {"empty", std::nullopt, "", ""},
};

BOOST_AUTO_TEST_CASE(a_boundary_at_the_front_of_data_ends_it) {
    // "--bo" begins with "--b": RFC 2046 takes that for the boundary, and what follows is wrong.
    BOOST_TEST(!parse_whole(sample));
}

BOOST_AUTO_TEST_CASE(every_split_gives_the_same) {
    const std::string boundary = "b0undary";
    std::string body = sample;
    for (std::size_t at = 0; (at = body.find("--b\r\n", at)) != std::string::npos; at += 5) {
        body.replace(at, 5, "--b0undary\r\n");
    }
    body.replace(body.find("--b--"), 5, "--b0undary--");
    for (std::size_t first = 1; first < body.size(); ++first) {
        for (std::size_t second : {std::size_t(1), std::size_t(2), std::size_t(5), body.size()}) {
            bool begun = false;
            const auto parsed =
                parse(boundary, body, [&] { return std::exchange(begun, true) ? second : first; });
            BOOST_REQUIRE_MESSAGE(parsed, (parsed ? "" : parsed.error()));
            BOOST_REQUIRE((*parsed == sample_parts));
        }
    }
}

/// Pulls events as handlers do, who take the end for the last of a feed.
std::expected<std::string, std::string> read_until_end(
    const std::vector<std::string_view>& pieces) {
    multipart_parser parser("b");
    std::string data;
    for (const auto piece : pieces) {
        parser.feed(piece);
        for (;;) {
            const auto event = parser.next();
            if (!event) {
                return std::unexpected(event.error());
            }
            if (*event == multipart_parser::event::need_more ||
                *event == multipart_parser::event::end) {
                break;
            }
            if (*event == multipart_parser::event::data) {
                data.append(parser.data().data(), parser.data().size());
            }
        }
    }
    const auto finished = parser.finish();
    return finished ? std::expected<std::string, std::string>(data)
                    : std::unexpected(finished.error());
}

BOOST_AUTO_TEST_CASE(bytes_behind_the_end_in_another_feed_ended_the_process) {
    const std::string body = field("a", "x\r\n-") + field("b", "") + "--b--\r\nepilogue";
    const std::string_view whole = body;
    for (std::size_t first = 0; first <= whole.size(); ++first) {
        for (std::size_t second = first; second <= whole.size(); ++second) {
            const auto read =
                read_until_end({whole.substr(0, first), whole.substr(first, second - first),
                                whole.substr(second)});
            BOOST_REQUIRE(read.has_value());
            BOOST_REQUIRE(*read == "x\r\n-");
        }
    }
}

BOOST_AUTO_TEST_CASE(names_and_types) {
    const auto one = [](std::string_view disposition) {
        const auto parsed = parse_whole(
            part_text("Content-Disposition: " + std::string(disposition), "x") + "--b--");
        return parsed ? std::optional(parsed->at(0)) : std::nullopt;
    };
    BOOST_TEST(one("form-data; name=plain")->name == "plain");
    BOOST_TEST(one("FORM-DATA;NAME=\"a;b\"")->name == "a;b");
    BOOST_TEST(one(R"(form-data; name="say \"hi\" \\ C:\dir")")->name == R"(say "hi" \ C:\dir)");
    BOOST_TEST(*one("form-data; name=f; filename=\"\"")->filename == "");
    BOOST_TEST(*one("form-data; name=f; filename=\"\xc3\xa9.jpg\"")->filename == "\xc3\xa9.jpg");
    BOOST_TEST(*one("form-data; name=f; filename*=UTF-8''%C3%A9%20a.jpg")->filename ==
               "\xc3\xa9 a.jpg");
    BOOST_TEST(*one("form-data; name=f; filename*=utf-8'en'b; filename=a")->filename == "b");
    BOOST_TEST(*one("form-data; name=f; filename=a; filename*=utf-8''b")->filename == "b");
    for (const auto* wrong :
         {"attachment; name=a", "form-data", "form-data; filename=a", "form-data; name",
          "form-data; name=\"a", "form-data; name=a; name=b", "form-data; name=\"\xff\"",
          "form-data; name=f; filename=\"\xc0\x80\"", "form-data; name=f; filename*=UTF-8''%ff",
          "form-data; name=f; filename*=UTF-8''%00", "form-data; name=f; filename*=latin1''a",
          "form-data; name=f; filename*=a", "form-data; name=\"a\tb\""}) {
        BOOST_TEST(!one(wrong), wrong);
    }
}

BOOST_AUTO_TEST_CASE(malformed_bodies) {
    const std::string disposition = "Content-Disposition: form-data; name=a";
    const std::string twice = disposition + "\r\n" + disposition;
    for (const auto& wrong : std::vector<std::string>{
             "", "x", "--b", "--b--x", field("a", "x"), field("a", "x") + "--b",
             field("a", "x") + "--b-", "--b\r\n\r\nx\r\n--b--", "--b\n" + disposition,
             "--b x\r\n" + disposition, "--b -\r\n", "--b-\r\n",
             part_text("Content-Type: a/b", "x") + "--b--", part_text(twice, "x") + "--b--",
             part_text(disposition + "\r\n folded", "x") + "--b--",
             part_text(disposition + "\r\nno colon", "x") + "--b--",
             part_text(disposition + "\r\nX : 1", "x") + "--b--",
             part_text(disposition + "\r\nContent-Transfer-Encoding: base64", "x") + "--b--",
             part_text(disposition + "\r\nX: a\nb", "x") + "--b--"}) {
        const auto parsed = parse_whole(wrong);
        // "--b--x" alone is a closing boundary with an epilogue: no part, but well-formed.
        BOOST_TEST(parsed.has_value() == (wrong == "--b--x"), wrong);
    }
}

BOOST_AUTO_TEST_CASE(tolerated_bodies) {
    BOOST_TEST((*parse_whole("--b \t \r\n" + field("a", "x").substr(5) + "--b--") ==
                std::vector<part>{{"a", std::nullopt, "", "x"}}));
    BOOST_TEST((*parse_whole("\r\n" + field("a", "x") + "--b--\r\n") ==
                std::vector<part>{{"a", std::nullopt, "", "x"}}));
}

BOOST_AUTO_TEST_CASE(limits_hold_at_their_edge) {
    multipart_limits limits;
    limits.parts_max = 2;
    BOOST_TEST(parse_whole(field("a", "") + field("b", "") + "--b--", limits).has_value());
    BOOST_TEST(!parse_whole(field("a", "") + field("b", "") + field("c", "") + "--b--", limits));

    const std::string disposition = "Content-Disposition: form-data; name=a\r\nX: ";
    for (const auto& [bytes, good] :
         {std::pair(8191U, true), std::pair(8192U, true), std::pair(8193U, false)}) {
        const auto headers = disposition + std::string(bytes - disposition.size() - 2, 'x');
        const auto body = part_text(headers, "x") + "--b--";
        BOOST_TEST(parse_whole(body).has_value() == good, bytes);
        BOOST_TEST(parse("b", body, [] { return std::size_t(7); }).has_value() == good, bytes);
    }
    for (const auto& [bytes, good] : {std::pair(8192U, true), std::pair(8193U, false)}) {
        const std::string noise(bytes, 'p');
        // The line break in front of the first boundary belongs to the boundary.
        BOOST_TEST(parse_whole(noise.substr(2) + "\r\n" + field("a", "x") + "--b--").has_value() ==
                   good);
        BOOST_TEST(parse_whole(field("a", "x") + "--b--" + noise).has_value() == good);
    }
}

BOOST_AUTO_TEST_CASE(ten_thousand_parts) {
    multipart_limits limits;
    limits.parts_max = 10'000;
    std::string body;
    for (int i = 0; i < 10'000; ++i) {
        body += field(std::to_string(i), std::string(static_cast<std::size_t>(i % 50), 'x'));
    }
    const auto parsed = parse("b", body + "--b--", [] { return std::size_t(1000); }, limits);
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST(parsed->size() == 10'000U);
    BOOST_TEST(parsed->back().data.size() == 49U);
    BOOST_TEST(!parse_whole(body + field("one too many", "") + "--b--", limits));
}

BOOST_AUTO_TEST_CASE(boundaries_in_content_types) {
    BOOST_TEST(*parse_multipart_boundary("multipart/form-data; boundary=abc") == "abc");
    BOOST_TEST(*parse_multipart_boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\"") ==
               "a b");
    BOOST_TEST(*parse_multipart_boundary("multipart/form-data; boundary=" + std::string(70, 'x')) ==
               std::string(70, 'x'));
    for (const auto& wrong : std::vector<std::string>{
             "", "multipart/form-data", "multipart/mixed; boundary=a", "text/plain; boundary=a",
             "multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
             "multipart/form-data; boundary=" + std::string(71, 'x'),
             "multipart/form-data; boundary=\"a \"", "multipart/form-data; boundary=a\xc3\xa9",
             "multipart/form-data; boundary=a; boundary=b", "multipart/form-data; boundary=\"a"}) {
        BOOST_TEST(!parse_multipart_boundary(wrong), wrong);
    }
}

/// The same grammar written down as simply as can be, over the whole body at once.
parse_result parse_naively(const std::string& body) {
    const std::string delimiter = "\r\n--b";
    const std::string text = "\r\n" + body;
    std::vector<part> parts;
    auto at = text.find(delimiter);
    while (at != std::string::npos) {
        at += delimiter.size();
        if (text.substr(at, 2) == "--") {
            return parts;
        }
        if (text.substr(at, 2) != "\r\n") {
            return std::unexpected("boundary line");
        }
        const auto head_end = text.find("\r\n\r\n", at);
        const std::string head = "Content-Disposition: form-data; name=";
        if (head_end == std::string::npos || text.substr(at + 2, head.size()) != head) {
            return std::unexpected("header");
        }
        const auto name_at = at + 2 + head.size();
        const auto next = text.find(delimiter, head_end + 4);
        if (next == std::string::npos) {
            return std::unexpected("no closing boundary");
        }
        parts.push_back({text.substr(name_at, head_end - name_at), std::nullopt, "",
                         text.substr(head_end + 4, next - head_end - 4)});
        at = next;
    }
    return std::unexpected("no closing boundary");
}

BOOST_AUTO_TEST_CASE(random_bodies_against_a_naive_parser) {
    std::mt19937 random(20261122);
    const auto below = [&random](std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
    };
    std::size_t accepted = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string body;
        for (std::size_t parts = below(4); parts > 0; --parts) {
            std::string data;
            for (std::size_t i = below(40); i > 0; --i) {
                data += "\r\n-bx"[below(5)];
            }
            body += "--b\r\nContent-Disposition: form-data; name=n\r\n\r\n" + data + "\r\n";
        }
        body += below(10) == 0 ? "" : "--b--";
        const auto expected = parse_naively(body);
        const auto parsed = parse("b", body, [&] { return 1 + below(30); });
        BOOST_REQUIRE_MESSAGE(parsed.has_value() == expected.has_value(), body);
        if (expected) {
            ++accepted;
            BOOST_REQUIRE((*parsed == *expected));
        }
    }
    BOOST_TEST(accepted > 5'000U);
}

BOOST_AUTO_TEST_CASE(random_damage_is_never_more_than_an_error) {
    std::mt19937 random(7);
    const std::string whole = field("a", "one") + field("b", "two") + "--b--\r\n";
    for (int round = 0; round < 20'000; ++round) {
        std::string body = whole;
        for (int damage = 0; damage < 3; ++damage) {
            body[random() % body.size()] = static_cast<char>(random());
        }
        const auto at_once = parse_whole(body);
        const auto in_pieces = parse("b", body, [&] { return 1 + random() % 9; });
        BOOST_REQUIRE(at_once.has_value() == in_pieces.has_value());
        BOOST_REQUIRE(!at_once || *at_once == *in_pieces);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
