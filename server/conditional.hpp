// The comparisons of conditional requests (RFC 9110 §8.8.3, §13) and HTTP dates (§5.6.7).
//
// Thread-safety: pure functions. Blocking: never.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace pinhole::http {

/// For If-None-Match: `*`, or one of the listed tags is the same when `W/` is left aside.
/// `etag` is quoted, as in the ETag field. An empty list matches nothing.
bool etag_matches_weakly(std::string_view list, std::string_view etag);

/// For If-Match: `*`, or one of the listed tags is the same and both are strong.
bool etag_matches_strongly(std::string_view list, std::string_view etag);

/// "Sun, 06 Nov 1994 08:49:37 GMT".
std::string to_http_date(std::chrono::sys_seconds time);

/// The preferred form and the two obsolete ones; none if it is neither.
std::optional<std::chrono::sys_seconds> parse_http_date(std::string_view text);

}  // namespace pinhole::http
