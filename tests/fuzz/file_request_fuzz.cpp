// Ranges and conditions of a request for a file. Input: a line with the method, then one line each
// for Range, If-Range, If-None-Match, If-Modified-Since, If-Match and If-Unmodified-Since.
//
// Whatever they say, the answer is one of five and what it tells of the bytes is what it sends.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <array>
#include <vector>

#include "server/conditional.hpp"
#include "server/range.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/no_body.hpp"

namespace pinhole::fuzz {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t file_bytes = 1000;
constexpr std::array<std::string_view, 6> names{
    "range", "if-range", "if-none-match", "if-modified-since", "if-match", "if-unmodified-since"};

http::unique_fd open_file() {
    http::unique_fd file(::memfd_create("served", MFD_CLOEXEC));
    require(file && ::ftruncate(file.get(), file_bytes) == 0, "there is a file to serve");
    return file;
}

void check_dates(std::string_view text) {
    const auto time = http::parse_http_date(text);
    if (time) {
        require(http::parse_http_date(http::to_http_date(*time)) == time, "a date stays itself");
    }
}

void check_tags(std::string_view list) {
    for (const std::string_view tag : {R"("abc")", R"("")", R"("a,b")"}) {
        require(!http::etag_matches_strongly(list, tag) || http::etag_matches_weakly(list, tag),
                "what matches strongly matches weakly");
    }
}

void check_slice(const http::response& answer) {
    const auto* slice = std::get_if<http::file_slice>(&answer.body);
    require(slice != nullptr, "a file is answered with its bytes");
    require(slice->length > 0 && slice->offset < file_bytes &&
                slice->length <= file_bytes - slice->offset,
            "the bytes lie within the file");
    if (answer.code == http::status::partial_content) {
        require(answer.header("Content-Range") == fmt::format("bytes {}-{}/{}", slice->offset,
                                                              slice->offset + slice->length - 1,
                                                              file_bytes),
                "Content-Range tells what is sent");
    } else {
        require(slice->length == file_bytes, "200 is all of it");
        require(answer.header("Content-Range").empty(), "200 has no range");
    }
}

}  // namespace

void check_input(std::string_view input) {
    no_body body;
    http::request request(body);
    request.method = take_line(input) == "HEAD" ? http::verb::head : http::verb::get;
    std::vector<http::header_view> fields;
    fields.reserve(names.size());
    for (const auto name : names) {
        const auto value = take_line(input);
        if (!value.empty()) {
            fields.push_back({.name = name, .value = value});
        }
        check_dates(value);
        check_tags(value);
    }
    request.headers = fields;
    const http::file_metadata metadata{.etag = R"("abc")",
                                       .last_modified = std::chrono::sys_seconds(784'111'777s),
                                       .size_bytes = file_bytes,
                                       .content_type = "image/jpeg"};
    const auto answer = http::serve_file(request, metadata, open_file());
    switch (static_cast<unsigned>(answer.code)) {
        case 206:
            require(request.method == http::verb::get, "only GET has ranges");
            [[fallthrough]];
        case 200:
            check_slice(answer);
            break;
        case 416:
            require(answer.header("Content-Range") == "bytes */1000", "416 tells the size");
            break;
        case 304:
            require(answer.header("ETag") == metadata.etag, "304 tells the tag");
            break;
        default:
            require(answer.code == http::status::precondition_failed, "there is no sixth answer");
    }
}

}  // namespace pinhole::fuzz
