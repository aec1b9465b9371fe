#include "server/target.hpp"

#include <algorithm>
#include <cstdint>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

bool has_control_byte(std::string_view text) {
    return std::ranges::any_of(text, [](char c) {
        const auto byte = static_cast<std::uint8_t>(c);
        return byte < 0x20 || byte == 0x7f;
    });
}

/// Letters, digits and the marks that need no decoding: the usual path has nothing else.
bool is_plain(std::string_view text) {
    return std::ranges::all_of(text, [](char c) {
        return c != '%' && static_cast<std::uint8_t>(c) < 0x7f &&
               static_cast<std::uint8_t>(c) > 0x20;
    });
}

bool has_dot_segment(std::string_view path) {
    for (std::size_t begin = 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const auto segment = path.substr(begin, end - begin);
        if (segment == "." || segment == "..") {
            return true;
        }
        begin = end + 1;
    }
    return false;
}

std::expected<std::string, std::string_view> parse_path(std::string_view raw) {
    if (raw.empty()) {
        return "/";
    }
    if (raw.front() != '/') {
        return std::unexpected("The request target does not start with a slash.");
    }
    std::string path;
    if (is_plain(raw)) {
        path = raw;
    } else {
        const auto slashes = std::ranges::count(raw, '/');
        auto decoded = percent_decode(raw);
        if (!decoded) {
            return std::unexpected("The path has a malformed percent encoding.");
        }
        if (std::ranges::count(*decoded, '/') != slashes) {
            return std::unexpected("The path has an encoded slash.");
        }
        if (has_control_byte(*decoded)) {
            return std::unexpected("The path has a control character.");
        }
        if (!is_utf8(*decoded)) {
            return std::unexpected("The path is not valid UTF-8.");
        }
        path = std::move(*decoded);
    }
    if (path.find("/.") != std::string::npos && has_dot_segment(path)) {
        return std::unexpected("The path has a dot segment.");
    }
    return path;
}

std::expected<std::string, std::string_view> decode_query_text(std::string_view raw) {
    std::string spaced(raw);
    std::ranges::replace(spaced, '+', ' ');
    auto decoded = percent_decode(spaced);
    if (!decoded) {
        return std::unexpected("The query has a malformed percent encoding.");
    }
    if (decoded->find('\0') != std::string::npos) {
        return std::unexpected("The query has a NUL character.");
    }
    if (!is_utf8(*decoded)) {
        return std::unexpected("The query is not valid UTF-8.");
    }
    return std::move(*decoded);
}

}  // namespace

std::expected<target_parts, std::string_view> parse_target(std::string_view target) {
    if (target.find('#') != std::string_view::npos) {
        return std::unexpected("The request target has a fragment.");
    }
    if (target == "*") {
        return target_parts{.path = "*", .query = {}};
    }
    const auto question_mark = target.find('?');
    auto path = parse_path(target.substr(0, question_mark));
    if (!path) {
        return std::unexpected(path.error());
    }
    target_parts parts{.path = std::move(*path), .query = {}};
    if (question_mark == std::string_view::npos) {
        return parts;
    }
    const auto query = target.substr(question_mark + 1);
    for (std::size_t begin = 0; begin < query.size();) {
        const std::size_t end = std::min(query.find('&', begin), query.size());
        const auto pair = query.substr(begin, end - begin);
        begin = end + 1;
        if (pair.empty()) {
            continue;
        }
        const auto equals = pair.find('=');
        auto name = decode_query_text(pair.substr(0, equals));
        auto value = decode_query_text(equals == std::string_view::npos ? std::string_view()
                                                                        : pair.substr(equals + 1));
        if (!name || !value) {
            return std::unexpected(name ? value.error() : name.error());
        }
        parts.query.emplace_back(std::move(*name), std::move(*value));
    }
    return parts;
}

}  // namespace pinhole::http
