// The chunked coding. Input: a body as it comes from the socket, and what follows it.
//
// However it is cut, the same data comes out and it ends at the same byte; and coded anew, what
// came out comes out again.
#include <fmt/format.h>

#include "server/chunk_decoder.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

struct outcome {
    std::string data;
    std::size_t consumed = 0;
    bool done = false;
    bool failed = false;
};

/// False once the body has ended, or failed.
bool take(http::chunk_decoder& decoder, std::string_view piece, outcome& result) {
    while (!piece.empty()) {
        const auto step = decoder.decode(piece);
        if (!step) {
            require(step.error() == http::body_error::malformed, "bad chunks are malformed");
            result.failed = true;
            return false;
        }
        require(step->consumed > 0 && step->consumed <= piece.size(), "each step takes something");
        require(step->data.size() <= step->consumed, "data is part of what was taken");
        result.data += step->data;
        result.consumed += step->consumed;
        piece.remove_prefix(step->consumed);
        if (step->done) {
            result.done = true;
            return false;
        }
    }
    return true;
}

outcome decode_whole(std::string_view body) {
    http::chunk_decoder decoder;
    outcome result;
    take(decoder, body, result);
    return result;
}

outcome decode_in_pieces(std::string_view body, choices& random) {
    http::chunk_decoder decoder;
    outcome result;
    for_each_piece(body, random,
                   [&](std::string_view piece) { return take(decoder, piece, result); });
    return result;
}

std::string encode(std::string_view data, choices& random) {
    std::string coded;
    for_each_piece(data, random, [&](std::string_view piece) {
        coded += fmt::format("{:x}\r\n{}\r\n", piece.size(), piece);
        return true;
    });
    return coded + "0\r\n\r\n";
}

}  // namespace

void check_input(std::string_view input) {
    choices random(input);
    const outcome whole = decode_whole(input);
    const outcome pieces = decode_in_pieces(input, random);
    require(whole.failed == pieces.failed && whole.done == pieces.done,
            "cuts do not change the verdict");
    require(whole.data == pieces.data, "cuts do not change the data");
    require(whole.failed || whole.consumed == pieces.consumed, "cuts do not change the end");
    if (whole.done) {
        require(input.substr(0, whole.consumed).ends_with("\r\n"), "a body ends with a line");
        const outcome again = decode_whole(encode(whole.data, random));
        require(again.done && again.data == whole.data, "data survives coding");
    }
}

}  // namespace pinhole::fuzz
