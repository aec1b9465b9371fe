// Requests damaged at random: the server sees the same messages as a reader that goes by the letter
// of the RFC, or it refuses and reads no further. What hides in a body is never answered.
//
// PINHOLE_TEST_MUTATIONS sets how many streams are tried. Each has its own number, from which it is
// made, and which a failure names.
#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "tests/http/reference_reading.hpp"
#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

using test::http_response;
using test::stream_end;

constexpr unsigned usual_rounds = 3000;
constexpr std::string_view hidden = "GET /things/smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

/// Pieces of which requests are smuggled.
constexpr std::array<std::string_view, 37> pieces{
    "\r\n",
    "\n",
    "\r",
    " ",
    "\t",
    ":",
    ",",
    ";",
    std::string_view("\0", 1),
    "\x0b",
    "\x80",
    "0",
    "1",
    "f",
    "-",
    "+",
    "\r\n\r\n",
    "\r\n ",
    "0\r\n\r\n",
    "5\r\nabcde\r\n",
    ";a=\"b\"",
    ";a=\"\r\n\"",
    "ffffffffffffffff",
    "HTTP/1.0",
    "Host: b\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 4\r\n",
    "Content-Length: 5\r\n",
    "Content-Length: 5, 5\r\n",
    "Content-Length : 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "transfer-encoding:\tchunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding:\r\n chunked\r\n",
    "Connection: keep-alive\r\n",
    "Connection: close\r\n",
    "Expect: 100-continue\r\n",
};

constexpr std::array<std::string_view, 8> framing_lines{"Content-Length: 0\r\n",
                                                        "Content-Length: 4\r\n",
                                                        "Content-Length: 5\r\n",
                                                        "Content-Length : 5\r\n",
                                                        "Transfer-Encoding: chunked\r\n",
                                                        "Transfer-Encoding : chunked\r\n",
                                                        "Transfer-Encoding: x, chunked\r\n",
                                                        "Transfer-Encoding:\r\n chunked\r\n"};

class stream_maker {
public:
    explicit stream_maker(unsigned number) : random_(number) {}

    std::string make() {
        std::string stream;
        for (std::size_t i = 0, count = 1 + below(4); i < count; ++i) {
            stream += request(i);
        }
        if (below(3) == 0) {
            frame_twice(stream);
        }
        for (std::size_t i = 0, count = below(4); i < count; ++i) {
            damage(stream);
        }
        return stream;
    }

    std::size_t below(std::size_t limit) { return random_() % limit; }

private:
    std::string request(std::size_t number) {
        const std::string id = "r" + std::to_string(number);
        if (below(4) == 0) {
            return get("/things/" + id);
        }
        const std::string body = make_body(id);
        const std::string line = "POST /echo HTTP/1.1\r\nHost: a\r\nX-Pad: b\r\n";
        if (below(2) == 0) {
            return line + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
        }
        const auto cut = 1 + below(body.size() - 1);
        return line + "Transfer-Encoding: chunked\r\n\r\n" + chunk(body.substr(0, cut)) +
               chunk(body.substr(cut)) + "0\r\n\r\n";
    }

    /// What it hides begins where a reader with another framing in mind would look for the next
    /// message: behind an empty chunked body, or behind the first chunk's size.
    std::string make_body(const std::string& id) {
        const std::string marked = id + std::string(below(20), 'x');
        switch (below(3)) {
            case 0:
                return "0\r\n\r\n" + std::string(hidden) + marked;
            case 1:
                return std::string(hidden) + marked;
            default:
                return marked + std::string(hidden) + "y";
        }
    }

    static std::string chunk(const std::string& data) {
        std::ostringstream text;
        text << std::hex << data.size() << "\r\n" << data << "\r\n";
        return text.str();
    }

    /// A second line of framing in one of the headers.
    void frame_twice(std::string& stream) {
        const std::string_view pad = "X-Pad: b\r\n";
        const auto at = stream.find(pad, below(stream.size()));
        if (at != std::string::npos) {
            stream.replace(at, pad.size(), framing_lines[below(framing_lines.size())]);
        }
    }

    void damage(std::string& stream) {
        const auto at = below(stream.size());
        const auto length = std::min(1 + below(below(4) == 0 ? 30 : 3), stream.size() - at);
        const std::string piece(pieces[below(pieces.size())]);
        switch (below(6)) {
            case 0:
                stream.erase(at, length);
                break;
            case 1:
                stream.replace(at, length, piece);
                break;
            case 2:
                stream.insert(at, stream.substr(at, length));
                break;
            case 3: {  // a line of its own, wherever one ends
                const auto end = stream.find("\r\n", at);
                stream.insert(end == std::string::npos ? at : end + 2, piece);
                break;
            }
            case 4:
                stream[at] = static_cast<char>(random_());
                break;
            default:
                stream.insert(at, piece);
                break;
        }
        if (stream.empty()) {
            stream = "\r\n";
        }
    }

    std::mt19937 random_;
};

/// Everything that the server says to the stream, cut in two anywhere. It has closed after that.
std::vector<http_response> answers_to(const test_server& server, const std::string& stream,
                                      std::size_t cut) {
    auto client = server.connect();
    client.send_until_closed(std::string_view(stream).substr(0, cut));
    client.send_until_closed(std::string_view(stream).substr(cut));
    client.shutdown_send();
    std::vector<http_response> answers;
    while (auto answer = client.receive_unless_closed()) {
        if (answer->status >= 200) {
            answers.push_back(std::move(*answer));
        }
    }
    return answers;
}

/// Both handlers give back what they were sent.
bool is_answer_to(const test::reference_message& message, const http_response& answer) {
    if (message.method == "POST") {
        return message.target != "/echo" || answer.body == message.body;
    }
    const bool plain = message.target.find('%') == std::string::npos;
    return !plain || message.target.starts_with("/things/" + answer.body);
}

/// Empty if the answers are those to these messages; else what is wrong.
std::string find_wrong_answer(const test::reference_reading& expected,
                              const std::vector<http_response>& answers) {
    const bool may_end_in_refusal =
        expected.end != stream_end::complete && expected.end != stream_end::closing;
    const bool must_end_in_refusal =
        may_end_in_refusal && expected.end != stream_end::inside_header;
    const std::size_t read = expected.messages.size();
    if (answers.size() > read + (may_end_in_refusal ? 1 : 0)) {
        return "more answers than messages";
    }
    // The server may refuse more than the reader does. It must then be the last thing it does.
    const bool gave_up = !answers.empty() && answers.back().status >= 400 &&
                         answers.back().header("Connection") == "close";
    if (answers.size() < read + (must_end_in_refusal ? 1 : 0) && !gave_up) {
        return "fewer answers than messages, and no refusal";
    }
    for (std::size_t i = 0; i < answers.size(); ++i) {
        if (answers[i].status >= 500 && answers[i].status != 501 && answers[i].status != 505) {
            return "the server failed";
        }
        if (answers[i].status != 200) {
            continue;
        }
        if (i == read) {
            if (expected.end == stream_end::inside_header ||
                expected.end == stream_end::doubtful_header) {
                return "a message was served that is none";
            }
            continue;
        }
        if (!is_answer_to(expected.messages[i], answers[i])) {
            return "the answer is another message's";
        }
    }
    return {};
}

unsigned rounds() {
    const char* const wanted = std::getenv("PINHOLE_TEST_MUTATIONS");
    return wanted != nullptr ? static_cast<unsigned>(std::stoul(wanted)) : usual_rounds;
}

BOOST_AUTO_TEST_SUITE(desync)

BOOST_AUTO_TEST_CASE(the_reference_reads_what_is_good_and_stops_where_it_is_not) {
    const auto good = test::read_by_the_letter(
        get("/a") + "\r\nPOST /b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc" +
        "POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "3 ; a = \"b\";c\r\nabc\r\n1\r\nd\r\n0\r\nT: 1\r\n\r\n");
    BOOST_REQUIRE(good.messages.size() == 3U);
    BOOST_TEST(good.messages[1].body == "abc");
    BOOST_TEST(good.messages[2].body == "abcd");
    BOOST_TEST((good.end == stream_end::complete));
    const auto end_of = [](const std::string& stream) {
        return test::read_by_the_letter(stream).end;
    };
    BOOST_TEST((end_of("GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n") == stream_end::doubtful_header));
    BOOST_TEST((end_of("GET /a HTTP/1.1\r\nHost: a\nX: b\r\n\r\n") == stream_end::doubtful_header));
    BOOST_TEST((end_of("GET /a HTTP/1.1\r\nHost: a\r\n") == stream_end::inside_header));
    BOOST_TEST((end_of("GET /a HTTP/1.0\r\n\r\nrest") == stream_end::closing));
    const std::string chunked = "GET /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    BOOST_TEST((end_of(chunked + "1\r\nab\r\n0\r\n\r\n") == stream_end::doubtful_body));
    BOOST_TEST((end_of(chunked + "1\r\na\r\n0\r\n") == stream_end::inside_body));
}

BOOST_AUTO_TEST_CASE(damaged_requests_never_move_the_borders_between_messages) {
    test_server server;
    unsigned served_whole = 0;
    unsigned refused = 0;
    for (unsigned number = 1; number <= rounds(); ++number) {
        stream_maker maker(number);
        const std::string stream = maker.make();
        const auto expected = test::read_by_the_letter(stream);
        const auto answers = answers_to(server, stream, maker.below(stream.size() + 1));
        const std::string wrong = find_wrong_answer(expected, answers);
        BOOST_REQUIRE_MESSAGE(
            wrong.empty(), "stream " << number << ": " << wrong << "\n"
                                     << stream << "\n(" << expected.messages.size()
                                     << " messages, end " << static_cast<int>(expected.end) << ", "
                                     << answers.size() << " answers)");
        served_whole += answers.size() == expected.messages.size() ? 1 : 0;
        refused += !answers.empty() && answers.back().status >= 400 ? 1 : 0;
    }
    // Neither is the damage too small to be seen, nor is everything refused.
    BOOST_TEST(served_whole > rounds() / 10);
    BOOST_TEST(refused > rounds() / 10);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
