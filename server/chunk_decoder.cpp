#include "server/chunk_decoder.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <charconv>

#include "server/message_guard.hpp"
#include "server/text.hpp"

namespace pinhole::http {
namespace {

constexpr std::string_view line_end = "\r\n";

/// A chunk of one byte costs five bytes of framing; eight for each byte of data and a fixed sum for
/// extensions and trailers let every honest sender through.
constexpr std::uint64_t framing_bytes_max(std::uint64_t data_bytes) {
    return 32 * 1024 + 8 * data_bytes;
}

void skip_blanks(std::string_view& text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
}

bool skip_token(std::string_view& text) {
    const auto end = std::ranges::find_if_not(
        text, [](const char& c) { return is_token(std::string_view(&c, 1)); });
    const auto bytes = static_cast<std::size_t>(end - text.begin());
    text.remove_prefix(bytes);
    return bytes > 0;
}

/// Requires: no control byte in it but tabs.
bool skip_quoted(std::string_view& text) {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') {
            text.remove_prefix(i + 1);
            return true;
        }
        i += text[i] == '\\' ? 1 : 0;
    }
    return false;
}

/// `*( BWS ";" BWS name [ BWS "=" BWS value ] )`: read for its syntax alone.
bool are_extensions(std::string_view text) {
    while (!text.empty()) {
        skip_blanks(text);
        if (!text.starts_with(';')) {
            return false;
        }
        text.remove_prefix(1);
        skip_blanks(text);
        if (!skip_token(text)) {
            return false;
        }
        auto value = text;
        skip_blanks(value);
        if (value.starts_with('=')) {
            text = value.substr(1);
            skip_blanks(text);
            if (text.starts_with('"') ? !skip_quoted(text) : !skip_token(text)) {
                return false;
            }
        }
    }
    return true;
}

/// A field line that changes nothing of the message whose body it follows (RFC 9110 §6.5.1).
bool is_trailer(std::string_view line) {
    constexpr std::array<std::string_view, 3> framing_fields{"content-length", "transfer-encoding",
                                                             "host"};
    const auto name = line.substr(0, line.find(':'));
    return name.size() < line.size() && is_token(name) &&
           std::ranges::none_of(
               framing_fields,
               [name](std::string_view framing) { return equals_ignoring_case(name, framing); });
}

}  // namespace

std::expected<chunk_decoder::step, body_error> chunk_decoder::decode(std::string_view bytes) {
    assert(state_ != state::done);
    const auto given = bytes.size();
    while (!bytes.empty()) {
        if (state_ == state::data) {
            const auto data = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), data_left_));
            bytes.remove_prefix(data.size());
            data_left_ -= data.size();
            data_bytes_ += data.size();
            state_ = data_left_ > 0 ? state::data : state::data_end;
            return step{.consumed = given - bytes.size(), .data = data, .done = false};
        }
        const auto complete = take_line(bytes);
        if (!complete) {
            return std::unexpected(complete.error());
        }
        if (!*complete) {
            break;
        }
        if (const auto read = read_line(); !read) {
            return std::unexpected(read.error());
        }
        if (state_ == state::done) {
            return step{.consumed = given - bytes.size(), .data = {}, .done = true};
        }
    }
    return step{.consumed = given, .data = {}, .done = false};
}

std::size_t chunk_decoder::line_limit() const {
    switch (state_) {
        case state::chunk_line:
            return line_bytes_max;
        case state::trailer:
            return trailer_bytes_max - trailer_bytes_;
        case state::data_end:
        case state::data:
        case state::done:
            break;
    }
    return line_end.size();
}

bool chunk_decoder::account_framing(std::size_t bytes) {
    framing_bytes_ += bytes;
    return framing_bytes_ <= framing_bytes_max(data_bytes_);
}

std::expected<bool, body_error> chunk_decoder::take_line(std::string_view& bytes) {
    const auto newline = bytes.find('\n');
    const bool complete = newline != std::string_view::npos;
    const auto taken = bytes.substr(0, complete ? newline + 1 : bytes.size());
    if (line_.size() + taken.size() > line_limit() || !account_framing(taken.size())) {
        return std::unexpected(body_error::malformed);
    }
    line_.append(taken);
    bytes.remove_prefix(taken.size());
    return complete;
}

std::expected<void, body_error> chunk_decoder::read_line() {
    if (has_forbidden_byte(line_) || !line_.ends_with(line_end)) {
        return std::unexpected(body_error::malformed);
    }
    const auto line = std::string_view(line_).substr(0, line_.size() - line_end.size());
    bool good = true;
    switch (state_) {
        case state::chunk_line:
            good = read_chunk_line(line);
            break;
        case state::data_end:
            good = line.empty();
            state_ = state::chunk_line;
            break;
        case state::trailer:
            trailer_bytes_ += line_.size();
            if (line.empty()) {
                state_ = state::done;
            } else {
                good = is_trailer(line);
            }
            break;
        case state::data:
        case state::done:
            good = false;
            break;
    }
    line_.clear();
    if (!good) {
        return std::unexpected(body_error::malformed);
    }
    return {};
}

bool chunk_decoder::read_chunk_line(std::string_view line) {
    const auto* end = line.data() + line.size();
    // from_chars takes no sign, blank or prefix for an unsigned number, and reports an overflow.
    const auto [last, error] = std::from_chars(line.data(), end, data_left_, 16);
    const std::string_view extensions(last, static_cast<std::size_t>(end - last));
    if (error != std::errc() || !are_extensions(extensions)) {
        return false;
    }
    state_ = data_left_ > 0 ? state::data : state::trailer;
    return true;
}

}  // namespace pinhole::http
