// The multipart parser. Input: a Content-Type in the first line, the body behind it.
//
// However the body is cut, the same comes out of it; and what is accepted is what a plain search
// for the boundary in the whole body finds.
#include <vector>

#include "server/multipart.hpp"
#include "server/text.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

using http::multipart_parser;

struct part {
    http::part_header header;
    std::string data;
    bool complete = false;
};

struct outcome {
    std::vector<part> parts;
    bool ended = false;
    std::string failure;  ///< empty: accepted
};

constexpr http::multipart_limits small_limits{.parts_max = 8,
                                              .part_header_bytes_max = 256,
                                              .preamble_bytes_max = 64,
                                              .epilogue_bytes_max = 64};

/// False once the parser has failed.
bool pull(multipart_parser& parser, outcome& result) {
    for (;;) {
        const auto event = parser.next();
        if (!event) {
            result.failure = event.error();
            require(parser.next().error() == result.failure, "a failure is final");
            return false;
        }
        switch (*event) {
            case multipart_parser::event::need_more:
                return true;
            case multipart_parser::event::end:
                result.ended = true;
                return true;
            case multipart_parser::event::part_begin:
                require(result.parts.empty() || result.parts.back().complete, "parts take turns");
                result.parts.push_back({.header = parser.header(), .data = {}});
                break;
            case multipart_parser::event::data:
                require(!parser.data().empty(), "data is never empty");
                require(!result.parts.empty() && !result.parts.back().complete,
                        "data lies in a part");
                result.parts.back().data.append(parser.data().begin(), parser.data().end());
                break;
            case multipart_parser::event::part_end:
                require(!result.parts.empty() && !result.parts.back().complete, "a part ends once");
                result.parts.back().complete = true;
                break;
        }
    }
}

void finish(const multipart_parser& parser, outcome& result) {
    const auto finished = parser.finish();
    require(finished || !finished.error().empty(), "a failure says why");
    if (!finished) {
        result.failure = finished.error();
    }
}

outcome parse_whole(std::string_view boundary, std::string_view body) {
    multipart_parser parser(boundary, small_limits);
    outcome result;
    parser.feed(body);
    pull(parser, result);
    finish(parser, result);
    return result;
}

outcome parse_in_pieces(std::string_view boundary, std::string_view body, choices& random) {
    multipart_parser parser(boundary, small_limits);
    outcome result;
    std::string piece;  // its own memory, so that a span that outlives it is seen
    for_each_piece(body, random, [&](std::string_view next) {
        piece = next;
        parser.feed(piece);
        return pull(parser, result);
    });
    finish(parser, result);
    return result;
}

void require_same(const outcome& a, const outcome& b) {
    require(a.failure == b.failure, "cuts do not change the verdict");
    require(a.parts.size() == b.parts.size(), "cuts do not change the parts");
    for (std::size_t i = 0; i < a.parts.size(); ++i) {
        const part& left = a.parts[i];
        const part& right = b.parts[i];
        require(left.header.name == right.header.name &&
                    left.header.filename == right.header.filename &&
                    left.header.content_type == right.header.content_type,
                "cuts do not change a part's header");
        require(left.data == right.data && left.complete == right.complete,
                "cuts do not change a part's data");
    }
}

bool is_clean(std::string_view text) {
    return http::is_utf8(text) &&
           text.find_first_of(std::string_view("\0\r\n\x7f", 4)) == std::string_view::npos;
}

/// What a search in the whole body finds between the boundaries.
void require_found_plainly(const outcome& accepted, std::string_view boundary,
                           std::string_view body) {
    const std::string delimiter = "\r\n--" + std::string(boundary);
    const std::string text = "\r\n" + std::string(body);
    std::size_t at = text.find(delimiter);
    for (const part& part : accepted.parts) {
        require(at != std::string::npos, "each part has a boundary in front");
        const std::size_t data = text.find("\r\n\r\n", at + delimiter.size()) + 4;
        at = text.find(delimiter, data);
        require(part.data == text.substr(data, at - data), "data is all between two boundaries");
    }
    require(text.substr(at + delimiter.size()).starts_with("--"), "the last boundary closes");
}

}  // namespace

void check_input(std::string_view input) {
    choices random(input);
    const auto boundary = http::parse_multipart_boundary(take_line(input));
    if (!boundary) {
        require(!boundary.error().empty(), "a refusal says why");
        return;
    }
    const outcome whole = parse_whole(*boundary, input);
    require_same(whole, parse_in_pieces(*boundary, input, random));
    require(whole.parts.size() <= small_limits.parts_max, "no more parts than allowed");
    for (const part& part : whole.parts) {
        require(is_clean(part.header.name), "names are plain text");
        require(is_clean(part.header.filename.value_or("")), "file names are plain text");
    }
    if (whole.failure.empty()) {
        require(whole.ended, "what is accepted has ended");
        require_found_plainly(whole, *boundary, input);
    }
}

}  // namespace pinhole::fuzz
