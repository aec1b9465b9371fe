#include "server/multipart.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>
#include <vector>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

/// RFC 2046 §5.1.1.
constexpr std::size_t boundary_bytes_max = 70;
/// Blanks between a boundary and the end of its line; no sender writes any.
constexpr std::size_t padding_bytes_max = 64;

bool is_boundary(std::string_view text) {
    return !text.empty() && text.size() <= boundary_bytes_max && text.back() != ' ' &&
           std::ranges::all_of(text, [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
           });
}

struct parameter {
    std::string name;  ///< in lower case
    std::string value;
};

/// Takes a quoted string off the front. As in browsers a backslash escapes only a quote or itself:
/// some send Windows paths as they are.
std::optional<std::string> take_quoted(std::string_view& text) {
    std::string value;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return value;
        }
        const bool escape =
            text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\');
        i += escape ? 1 : 0;
        value += text[i];
    }
    return std::nullopt;
}

/// Takes `; name=value` off the front. None if it is malformed.
std::optional<parameter> take_parameter(std::string_view& text) {
    if (!text.starts_with(';')) {
        return std::nullopt;
    }
    text = trim(text.substr(1));
    const auto equals = text.find('=');
    if (equals == std::string_view::npos || !is_token(trim(text.substr(0, equals)))) {
        return std::nullopt;
    }
    parameter taken;
    std::ranges::transform(trim(text.substr(0, equals)), std::back_inserter(taken.name), to_lower);
    text = trim(text.substr(equals + 1));
    if (text.starts_with('"')) {
        auto value = take_quoted(text);
        if (!value) {
            return std::nullopt;
        }
        taken.value = std::move(*value);
    } else {
        const auto end = std::min(text.find(';'), text.size());
        taken.value = trim(text.substr(0, end));
        text.remove_prefix(end);
    }
    text = trim(text);
    return taken;
}

/// The media type or disposition in front of the parameters, and the parameters.
struct parameterised {
    std::string_view head;
    std::vector<parameter> parameters;

    const std::string* find(std::string_view name) const {
        const auto found = std::ranges::find(parameters, name, &parameter::name);
        return found == parameters.end() ? nullptr : &found->value;
    }
};

/// Errors: a malformed or repeated parameter.
std::optional<parameterised> parse_parameterised(std::string_view text) {
    const auto semicolon = std::min(text.find(';'), text.size());
    parameterised parsed{.head = trim(text.substr(0, semicolon)), .parameters = {}};
    text.remove_prefix(semicolon);
    text = trim(text);
    while (!text.empty()) {
        if (text == ";") {
            break;  // some senders end with one
        }
        auto taken = take_parameter(text);
        if (!taken || parsed.find(taken->name) != nullptr) {
            return std::nullopt;
        }
        parsed.parameters.push_back(std::move(*taken));
    }
    return parsed;
}

bool is_clean_text(std::string_view text) {
    return is_utf8(text) && std::ranges::none_of(text, [](char c) {
               return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
           });
}

/// RFC 5987: charset "'" [ language ] "'" percent-encoded. None if it is not valid UTF-8.
std::optional<std::string> decode_extended(std::string_view value) {
    const auto charset_end = value.find('\'');
    const auto language_end =
        charset_end == std::string_view::npos ? charset_end : value.find('\'', charset_end + 1);
    if (language_end == std::string_view::npos ||
        !equals_ignoring_case(value.substr(0, charset_end), "utf-8")) {
        return std::nullopt;
    }
    auto decoded = percent_decode(value.substr(language_end + 1));
    return decoded && is_clean_text(*decoded) ? decoded : std::nullopt;
}

std::expected<void, std::string> read_disposition(std::string_view value, part_header& header) {
    const auto parsed = parse_parameterised(value);
    if (!parsed || !equals_ignoring_case(parsed->head, "form-data")) {
        return std::unexpected("A part's Content-Disposition is malformed.");
    }
    const auto* name = parsed->find("name");
    if (name == nullptr || !is_clean_text(*name)) {
        return std::unexpected("A part has no valid name.");
    }
    header.name = *name;
    if (const auto* filename = parsed->find("filename")) {
        if (!is_clean_text(*filename)) {
            return std::unexpected("A part's file name is not valid UTF-8.");
        }
        header.filename = *filename;
    }
    if (const auto* extended = parsed->find("filename*")) {
        auto decoded = decode_extended(*extended);
        if (!decoded) {
            return std::unexpected("A part's extended file name is malformed.");
        }
        header.filename = std::move(*decoded);
    }
    return {};
}

std::expected<void, std::string> read_field(std::string_view line, part_header& header,
                                            bool& has_disposition) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        return std::unexpected("A part has a malformed header line.");
    }
    const auto name = line.substr(0, colon);
    const auto value = trim(line.substr(colon + 1));
    if (equals_ignoring_case(name, "content-disposition")) {
        if (std::exchange(has_disposition, true)) {
            return std::unexpected("A part has more than one Content-Disposition.");
        }
        return read_disposition(value, header);
    }
    if (equals_ignoring_case(name, "content-type")) {
        header.content_type = value;
    }
    // RFC 7578 §4.7 forbids the encodings of mail; data would be stored encoded.
    if (equals_ignoring_case(name, "content-transfer-encoding") &&
        !equals_ignoring_case(value, "binary") && !equals_ignoring_case(value, "8bit") &&
        !equals_ignoring_case(value, "7bit")) {
        return std::unexpected("A part has a Content-Transfer-Encoding.");
    }
    return {};
}

/// `block` is all header lines, each with a CRLF in front.
std::expected<part_header, std::string> parse_part_headers(std::string_view block) {
    part_header header;
    bool has_disposition = false;
    while (!block.empty()) {
        block.remove_prefix(2);
        const auto end = std::min(block.find("\r\n"), block.size());
        const auto line = block.substr(0, end);
        block.remove_prefix(end);
        if (line.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos ||
            line.starts_with(' ') || line.starts_with('\t')) {
            return std::unexpected("A part has a malformed header line.");
        }
        if (const auto read = read_field(line, header, has_disposition); !read) {
            return std::unexpected(read.error());
        }
    }
    if (!has_disposition) {
        return std::unexpected("A part has no Content-Disposition.");
    }
    return header;
}

}  // namespace

std::expected<std::string, std::string> parse_multipart_boundary(std::string_view content_type) {
    const auto parsed = parse_parameterised(content_type);
    if (!parsed || !equals_ignoring_case(parsed->head, "multipart/form-data")) {
        return std::unexpected("The Content-Type must be multipart/form-data.");
    }
    const auto* boundary = parsed->find("boundary");
    if (boundary == nullptr || !is_boundary(*boundary)) {
        return std::unexpected("The Content-Type has no valid boundary.");
    }
    return *boundary;
}

multipart_parser::multipart_parser(std::string_view boundary, multipart_limits limits)
    : delimiter_("\r\n--" + std::string(boundary)),
      limits_(limits),
      // The first delimiter has no line break in front when it opens the body: imagine one.
      held_("\r\n") {
    assert(is_boundary(boundary));
}

void multipart_parser::feed(std::span<const char> bytes) {
    assert(input_.empty());
    input_ = {bytes.data(), bytes.size()};
}

std::expected<multipart_parser::event, std::string> multipart_parser::next() {
    for (;;) {
        auto stepped = step();
        if (!stepped) {
            state_ = state::failed;
            failure_ = stepped.error();
            return std::unexpected(std::move(stepped.error()));
        }
        if (*stepped) {
            return **stepped;
        }
        if (input_.empty()) {
            return event::need_more;
        }
    }
}

std::expected<void, std::string> multipart_parser::finish() const {
    if (state_ == state::failed) {
        return std::unexpected(failure_);
    }
    if (state_ != state::epilogue) {
        return std::unexpected("The multipart body ends before its closing boundary.");
    }
    return {};
}

/// One event, or nothing when bytes were only moved on.
multipart_parser::step_result multipart_parser::step() {
    switch (state_) {
        case state::preamble:
            return scan_preamble();
        case state::after_boundary:
            return read_after_boundary();
        case state::part_headers:
            return read_part_headers();
        case state::part_data:
            return read_part_data();
        case state::epilogue:
            return skip_epilogue();
        case state::failed:
            break;
    }
    return std::unexpected(failure_);
}

/// Data or a complete delimiter; neither when the input is used up.
multipart_parser::scan_result multipart_parser::scan_for_delimiter() {
    while (!held_.empty() && held_.size() < delimiter_.size() && !input_.empty()) {
        if (input_.front() != delimiter_[held_.size()]) {
            // A CR stands in the delimiter only at its start, so no later start hides in here.
            flushed_ = std::exchange(held_, {});
            return {.data = flushed_, .delimiter = false};
        }
        held_ += input_.front();
        input_.remove_prefix(1);
    }
    if (held_.size() == delimiter_.size()) {
        held_.clear();
        return {.data = {}, .delimiter = true};
    }
    if (input_.empty()) {
        return {};
    }
    const auto found = input_.find(delimiter_);
    if (found == 0) {
        input_.remove_prefix(delimiter_.size());
        return {.data = {}, .delimiter = true};
    }
    if (found != std::string_view::npos) {
        const auto data = input_.substr(0, found);
        input_.remove_prefix(found);
        return {.data = data, .delimiter = false};
    }
    // The last CR may begin a delimiter that the next feed completes.
    const auto carriage_return = input_.rfind('\r');
    auto data = input_;
    if (carriage_return != std::string_view::npos &&
        delimiter_.starts_with(input_.substr(carriage_return))) {
        data = input_.substr(0, carriage_return);
        held_ = input_.substr(carriage_return);
    }
    input_ = {};
    return {.data = data, .delimiter = false};
}

multipart_parser::step_result multipart_parser::scan_preamble() {
    const auto scanned = scan_for_delimiter();
    skipped_bytes_ += scanned.data.size();
    if (skipped_bytes_ > limits_.preamble_bytes_max) {
        return std::unexpected("The multipart body does not begin with its boundary.");
    }
    if (scanned.delimiter) {
        state_ = state::after_boundary;
        skipped_bytes_ = 0;
    }
    return std::nullopt;
}

/// Behind a boundary: "--" if it was the last, or blanks and the end of its line.
multipart_parser::step_result multipart_parser::read_after_boundary() {
    while (!input_.empty()) {
        const char c = input_.front();
        input_.remove_prefix(1);
        const bool blank = c == ' ' || c == '\t';
        if (blank && held_.empty() && ++skipped_bytes_ <= padding_bytes_max) {
            continue;
        }
        if (held_.empty() && (c == '\r' || (c == '-' && skipped_bytes_ == 0))) {
            held_ = c;
            continue;
        }
        skipped_bytes_ = 0;
        if (held_ == "-" && c == '-') {
            held_.clear();
            state_ = state::epilogue;
            // What else was fed is used up here: who has seen the end may well feed at once.
            if (auto skipped = skip_epilogue(); !skipped) {
                return skipped;
            }
            return event::end;
        }
        if (held_ == "\r" && c == '\n') {
            held_ = "\r\n";  // so that every header line has a line break in front
            state_ = state::part_headers;
            return std::nullopt;
        }
        return std::unexpected("A boundary is followed by something else than a line break.");
    }
    return std::nullopt;
}

multipart_parser::step_result multipart_parser::read_part_headers() {
    constexpr std::string_view block_end = "\r\n\r\n";
    const std::size_t searched = held_.size() < 3 ? 0 : held_.size() - 3;
    const std::size_t held_before = held_.size();
    const std::size_t bytes_max = limits_.part_header_bytes_max + block_end.size();
    held_ += input_.substr(0, bytes_max - std::min(held_before, bytes_max));
    const auto end = held_.find(block_end, searched);
    if (end == std::string::npos) {
        if (held_.size() >= bytes_max) {
            return std::unexpected("A part's header is too large.");
        }
        input_ = {};
        return std::nullopt;
    }
    input_.remove_prefix(end + block_end.size() - held_before);
    held_.resize(end);
    if (++parts_ > limits_.parts_max) {
        return std::unexpected("The multipart body has too many parts.");
    }
    auto parsed = parse_part_headers(held_);
    if (!parsed) {
        return std::unexpected(std::move(parsed.error()));
    }
    header_ = std::move(*parsed);
    held_.clear();
    state_ = state::part_data;
    return event::part_begin;
}

multipart_parser::step_result multipart_parser::read_part_data() {
    const auto scanned = scan_for_delimiter();
    if (scanned.delimiter) {
        state_ = state::after_boundary;
        return event::part_end;
    }
    if (scanned.data.empty()) {
        return std::nullopt;
    }
    data_ = scanned.data;
    return event::data;
}

multipart_parser::step_result multipart_parser::skip_epilogue() {
    skipped_bytes_ += input_.size();
    input_ = {};
    if (skipped_bytes_ > limits_.epilogue_bytes_max) {
        return std::unexpected("Too much follows the closing boundary.");
    }
    return std::nullopt;
}

}  // namespace pinhole::http
