// The server program under bodies that no honest client sends, and what they cost it.
//
// Each body is sent on a connection of its own, and the answer must come in under ten seconds and
// say that it is the client's fault, or that all was well; never that it is the server's. For the
// test's own thread.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include "tests/api/api_client.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

inline constexpr std::uint64_t mib = 1U << 20;
/// What the server may hold beyond its idle memory.
inline constexpr std::uint64_t body_bytes_max = 64 * mib;
inline constexpr std::uint64_t decoding_bytes_max = 300 * mib;

class attacked_server {
public:
    /// Starts it and lets it serve an ordinary upload, so that what is idle has been used.
    attacked_server();

    /// The answer to a request with this body, framed by Content-Length; checked as said above.
    http_response send(std::string_view method, const std::string& target,
                       const std::string& content_type, std::string_view body);
    /// The same for any bytes behind the request line and the usual fields; a closed connection is
    /// an answer, with the status 0.
    http_response send_raw(const std::string& request_line, const std::string& more_fields,
                           std::string_view rest);

    http_response upload(std::string_view body) {
        return send("POST", "/api/v1/posts", "multipart/form-data; boundary=b", body);
    }
    http_response upload_file(std::string_view bytes, std::string_view name = "photo.jpg");
    http_response comment(std::string_view body, const std::string& type = "application/json") {
        return send("POST", comments_, type, body);
    }

    /// It still runs, has never held more than that beyond what it held when idle, and serves.
    void check_survived(std::uint64_t bytes_beyond_idle_max);

    api_client& user() { return user_; }
    std::uint16_t port() const { return port_; }
    const std::filesystem::path& data_dir() const { return directory_.path(); }
    std::uint64_t idle_bytes() const { return idle_bytes_; }
    const server_process& process() const { return process_; }

private:
    temporary_directory directory_;
    temporary_directory log_directory_;
    server_process process_;
    std::uint16_t port_;
    api_client user_;
    std::string comments_;
    std::uint64_t idle_bytes_ = 0;
};

/// A part as it stands in a body with the boundary `b`.
std::string part(std::string_view disposition, std::string_view data,
                 std::string_view more_lines = {});
std::string file_part(std::string_view data);
inline constexpr std::string_view last_boundary = "--b--\r\n";

std::string repeated(std::string_view text, std::size_t times);

/// Fails unless the status is one of these.
void check_one_of(const http_response& answer, std::initializer_list<unsigned> statuses,
                  where from = where::current());

/// A number from the environment, or what the ordinary suite takes.
std::uint64_t rounds(const char* variable, std::uint64_t usual);

}  // namespace pinhole::test
