#include "server/range.hpp"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <variant>

#include "server/conditional.hpp"
#include "server/problem.hpp"
#include "server/text.hpp"

namespace pinhole::http {
namespace {

struct byte_range {
    std::uint64_t offset;
    std::uint64_t length;
};
struct unsatisfiable {};
struct whole_file {};
using range_request = std::variant<whole_file, byte_range, unsatisfiable>;

/// A number without sign that may be larger than any file: then it is as good as the largest.
std::optional<std::uint64_t> parse_position(std::string_view text) {
    std::uint64_t value = 0;
    const auto* end = text.data() + text.size();
    const auto [last, error] = std::from_chars(text.data(), end, value);
    if (last != end || text.empty()) {
        return std::nullopt;
    }
    return error == std::errc::result_out_of_range ? UINT64_MAX : value;
}

range_request parse_suffix(std::string_view text, std::uint64_t size_bytes) {
    const auto length = parse_position(text);
    if (!length) {
        return whole_file{};
    }
    if (*length == 0 || size_bytes == 0) {
        return unsatisfiable{};
    }
    const auto served = std::min(*length, size_bytes);
    return byte_range{.offset = size_bytes - served, .length = served};
}

/// RFC 9110 §14.2: a Range field that can't be parsed is ignored, so that its sender still gets a
/// correct answer.
range_request parse_range(std::string_view field, std::uint64_t size_bytes) {
    if (!equals_ignoring_case(field.substr(0, 6), "bytes=") ||
        field.find(',') != std::string_view::npos) {
        return whole_file{};
    }
    const auto range = trim(field.substr(6));
    const auto dash = range.find('-');
    if (dash == std::string_view::npos) {
        return whole_file{};
    }
    if (dash == 0) {
        return parse_suffix(range.substr(1), size_bytes);
    }
    const auto first = parse_position(range.substr(0, dash));
    const auto last_text = range.substr(dash + 1);
    const auto last = last_text.empty() ? UINT64_MAX : parse_position(last_text);
    if (!first || !last || *last < *first) {
        return whole_file{};
    }
    if (*first >= size_bytes) {
        return unsatisfiable{};
    }
    const auto end = std::min(*last, size_bytes - 1) + 1;
    return byte_range{.offset = *first, .length = end - *first};
}

/// RFC 9110 §13.2.2: If-None-Match, where present, makes If-Modified-Since void.
bool is_fresh(const request& request, const file_metadata& metadata) {
    if (const auto tags = request.header("if-none-match"); !tags.empty()) {
        return etag_matches_weakly(tags, metadata.etag);
    }
    const auto since = request.header("if-modified-since");
    if (since.empty()) {
        return false;
    }
    const auto time = parse_http_date(since);
    return time && metadata.last_modified <= *time;
}

/// RFC 9110 §13.1.5: the range counts only if the validator is still the file's, compared strongly.
bool range_applies(const request& request, const file_metadata& metadata) {
    const auto validator = request.header("if-range");
    if (validator.empty()) {
        return true;
    }
    if (validator.starts_with('"') || validator.starts_with("W/")) {
        return validator == metadata.etag;
    }
    const auto time = parse_http_date(validator);
    return time && *time == metadata.last_modified;
}

/// RFC 9110 §13.2.2: If-Match, where present, makes If-Unmodified-Since void.
bool precondition_fails(const request& request, const file_metadata& metadata) {
    if (const auto tags = request.header("if-match"); !tags.empty()) {
        return !etag_matches_strongly(tags, metadata.etag);
    }
    const auto since = request.header("if-unmodified-since");
    if (since.empty()) {
        return false;
    }
    const auto time = parse_http_date(since);
    return time && metadata.last_modified > *time;
}

void add_validators(response& answer, const file_metadata& metadata) {
    answer.add("ETag", metadata.etag);
    answer.add("Last-Modified", to_http_date(metadata.last_modified));
    answer.add("Accept-Ranges", "bytes");
    answer.add("X-Content-Type-Options", "nosniff");
}

response not_satisfiable(const file_metadata& metadata) {
    auto answer = problem(status::range_not_satisfiable, "The file has no such bytes.");
    answer.add("Content-Range", fmt::format("bytes */{}", metadata.size_bytes));
    add_validators(answer, metadata);
    return answer;
}

}  // namespace

response serve_file(const request& request, const file_metadata& metadata, unique_fd file) {
    if (precondition_fails(request, metadata)) {
        // It describes no file, so it carries no file's validators.
        auto answer = problem(status::precondition_failed, "The file is not what was expected.");
        answer.add("X-Content-Type-Options", "nosniff");
        return answer;
    }
    if (is_fresh(request, metadata)) {
        auto answer = response::not_modified();
        add_validators(answer, metadata);
        return answer;
    }
    response answer;
    answer.add("Content-Type", metadata.content_type);
    file_slice slice{.file = std::move(file), .offset = 0, .length = metadata.size_bytes};

    // Ranges are defined for GET alone (RFC 9110 §14.2); HEAD describes the whole file.
    const auto field = request.header("range");
    if (!field.empty() && request.method == verb::get && range_applies(request, metadata)) {
        const auto wanted = parse_range(field, metadata.size_bytes);
        if (std::holds_alternative<unsatisfiable>(wanted)) {
            return not_satisfiable(metadata);
        }
        if (const auto* range = std::get_if<byte_range>(&wanted)) {
            answer.code = status::partial_content;
            answer.add("Content-Range",
                       fmt::format("bytes {}-{}/{}", range->offset,
                                   range->offset + range->length - 1, metadata.size_bytes));
            slice.offset = range->offset;
            slice.length = range->length;
        }
    }
    add_validators(answer, metadata);
    answer.body = std::move(slice);
    return answer;
}

}  // namespace pinhole::http
