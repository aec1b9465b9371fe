// Answers a GET or HEAD with a file: conditional requests and byte ranges (RFC 9110 §13, §14).
//
// A single range is served as 206; several in one request get the whole file, which RFC 9110 §14.2
// allows, so that no request can ask for the same bytes a thousand times over.
// Thread-safety: pure functions. Blocking: never (the file is open already).
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "server/request.hpp"
#include "server/response.hpp"

namespace pinhole::http {

struct file_metadata {
    std::string etag;  ///< strong, quoted
    std::chrono::sys_seconds last_modified;
    std::uint64_t size_bytes = 0;
    std::string content_type;
};

/// 200, 206, 304 or 416 with ETag, Last-Modified and Accept-Ranges, or 412; all with `nosniff`. The
/// caller adds what else its files need (Cache-Control, a content security policy).
response serve_file(const request& request, const file_metadata& metadata, unique_fd file);

}  // namespace pinhole::http
