// Takes a request target apart: the path and the query, percent-decoded exactly once.
//
// Thread-safety: pure functions. Blocking: never.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "server/request.hpp"

namespace pinhole::http {

struct target_parts {
    std::string path;
    query_parameters query;
};

/// Parses origin-form (`/path?query`), whose path is `/` where it was left out, or `*`. In the path
/// an encoded slash, NUL or control byte, a dot
/// segment and invalid UTF-8 are refused, so that nothing behind can be talked into another folder.
/// In the query `+` is a space.
/// Errors: a message for the client, to be answered with 400.
std::expected<target_parts, std::string_view> parse_target(std::string_view target);

}  // namespace pinhole::http
