// A request header on its way through all that looks at it: where it ends, its bytes, Beast's
// syntax, the message guard, the target. Input: what a client sends.
//
// What is accepted is framed in one way only, by a reading of the lines that shares no code.
#include <algorithm>
#include <ranges>
#include <vector>

#include "server/message_guard.hpp"
#include "server/message_parser.hpp"
#include "server/target.hpp"
#include "server/text.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

constexpr std::size_t target_bytes_max = 512;

using scan_result = std::expected<std::size_t, http::refusal>;

scan_result scan_in_pieces(std::string_view input, choices& random) {
    http::header_scanner scanner;
    std::size_t received = 0;
    scan_result scanned = 0;
    for_each_piece(input, random, [&](std::string_view piece) {
        received += piece.size();
        scanned = scanner.scan(input.substr(0, received));
        return scanned && *scanned == 0;
    });
    return scanned;
}

struct plain_field {
    std::string name;  ///< in lower case
    std::string_view value;
};

/// Lines behind the request line, split at the first colon.
std::vector<plain_field> read_plainly(std::string_view header) {
    std::vector<plain_field> fields;
    header.remove_prefix(header.find("\r\n") + 2);
    while (!header.starts_with("\r\n")) {
        const auto line = header.substr(0, header.find("\r\n"));
        header.remove_prefix(line.size() + 2);
        const auto colon = line.find(':');
        require(colon != std::string_view::npos && colon > 0, "each line has a name");
        std::string name(line.substr(0, colon));
        require(http::is_token(name), "a name is a token");
        std::ranges::transform(name, name.begin(), http::to_lower);
        fields.push_back({std::move(name), http::trim(line.substr(colon + 1))});
    }
    return fields;
}

std::vector<std::string_view> values_of(const std::vector<plain_field>& fields,
                                        std::string_view name) {
    std::vector<std::string_view> values;
    for (const auto& field : fields) {
        if (field.name == name) {
            values.push_back(field.value);
        }
    }
    return values;
}

void check_framing(const http::message_line& line, const http::message_framing& framing,
                   std::string_view header) {
    const auto fields = read_plainly(header);
    const auto lengths = values_of(fields, "content-length");
    const auto codings = values_of(fields, "transfer-encoding");
    require(lengths.size() + codings.size() <= 1, "the body is framed at most once");
    if (framing.body == http::body_framing::chunked) {
        require(codings.size() == 1 && http::equals_ignoring_case(codings.front(), "chunked"),
                "chunked is said as such");
        require(line.version == 11, "HTTP/1.0 has no chunks");
    } else {
        require(codings.empty(), "no coding is overlooked");
        const std::string length(lengths.empty() ? "0" : lengths.front());
        const auto digits = length.substr(std::min(length.find_first_not_of('0'), length.size()));
        require((digits.empty() ? "0" : digits) == std::to_string(framing.content_length),
                "the length is the one that was sent");
    }
    const auto hosts = values_of(fields, "host");
    require(hosts.size() == 1 || (hosts.empty() && line.version == 10), "there is one host");
    require(values_of(fields, "authorization").size() <= 1, "there is one authorization");
    require(values_of(fields, "idempotency-key").size() <= 1, "there is one key");
    require(line.version == 11 || line.version == 10, "the version is spoken");
    require(fields.size() <= http::header_fields_max + 200, "fields are bounded");
}

bool has_forbidden_segment(std::string_view path) {
    return std::ranges::any_of(std::views::split(path, '/'), [](auto segment) {
        const std::string_view text(segment.begin(), segment.end());
        return text == "." || text == "..";
    });
}

void check_target(std::string_view raw) {
    const auto target = http::parse_target(raw);
    if (!target) {
        require(!target.error().empty(), "a refusal says why");
        return;
    }
    require(target->path == "*" || target->path.starts_with('/'), "a path starts with a slash");
    require(http::is_utf8(target->path), "a path is UTF-8");
    require(!has_forbidden_segment(target->path), "a path goes nowhere up");
    require(std::ranges::none_of(target->path,
                                 [](char c) {
                                     const auto byte = static_cast<unsigned char>(c);
                                     return byte < 0x20 || byte == 0x7f;
                                 }),
            "a path has no control bytes");
    for (const auto& [name, value] : target->query) {
        require(http::is_utf8(name) && http::is_utf8(value), "a query is UTF-8");
        require(!name.contains('\0') && !value.contains('\0'), "a query has no NUL");
    }
}

}  // namespace

void check_input(std::string_view input) {
    choices random(input);
    check_target(take_line(input));
    http::header_scanner scanner;
    const auto end = scanner.scan(input);
    const auto pieces = scan_in_pieces(input, random);
    require(end.has_value() == pieces.has_value(), "cuts do not change the verdict");
    if (!end || *end == 0) {
        return;
    }
    require(*end == *pieces, "cuts do not change where the header ends");
    const auto header = input.substr(0, *end);
    require(header.ends_with("\r\n\r\n") || header == "\r\n", "a header ends in an empty line");
    if (http::check_header_bytes(header, target_bytes_max)) {
        return;
    }
    http::message_parser parser;
    const auto line = parser.parse_header(header);
    if (!line) {
        return;
    }
    const auto framing = http::check_message(*line, parser.fields());
    if (!framing) {
        require(static_cast<unsigned>(framing.error().code) >= 400, "a refusal is an error");
        return;
    }
    require(parser.fields().size() <= http::header_fields_max, "no more fields than allowed");
    require(line->target.size() <= target_bytes_max, "no longer target than allowed");
    check_framing(*line, *framing, header);
    check_target(http::origin_form(line->method, line->target));
}

}  // namespace pinhole::fuzz
