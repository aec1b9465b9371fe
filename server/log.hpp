// Log lines: one JSON object a line on a file descriptor (stderr).
//
// A line is appended to a bounded buffer in memory; a thread of its own writes it out at most
// 100 ms later (at once for warnings and errors), so that no io thread ever waits for whoever reads
// the log. When the reader is too slow lines are dropped, counted, and the count is logged.
// It knows of no token, password or query value, and nobody may hand it one.
// Thread-safety: any thread. Blocking: `flush` and the destructor only.
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace spdlog {
class logger;
}

namespace pinhole::http {

enum class log_level : std::uint8_t { debug, info, warning, error, off };

std::optional<log_level> parse_log_level(std::string_view name);

/// A member of a message line besides its text; the value is written as a JSON string.
struct log_member {
    std::string_view name;
    std::string_view value;
};

/// The one line that every answered request leaves.
struct request_line {
    std::string_view request_id;
    std::string_view method;  ///< empty if it is not known
    std::string_view route;   ///< the pattern; empty if none matched
    unsigned status = 0;
    std::uint64_t bytes = 0;  ///< of the body sent
    std::chrono::microseconds time_taken{};
    std::string_view user_id;  ///< empty if nobody is logged in
};

class logger {
public:
    static constexpr std::size_t buffer_bytes_max = 4 * 1024 * 1024;

    /// Writes to `fd`, which stays the caller's. Starts the writing thread.
    explicit logger(log_level level, int fd = 2);
    logger(const logger&) = delete;
    logger& operator=(const logger&) = delete;
    /// Writes what is left, for about a second at most; what the reader didn't take then is lost.
    ~logger();

    void debug(std::string_view text, std::initializer_list<log_member> members = {});
    void info(std::string_view text, std::initializer_list<log_member> members = {});
    void warning(std::string_view text, std::initializer_list<log_member> members = {});
    void error(std::string_view text, std::initializer_list<log_member> members = {});
    void write(log_level level, std::string_view text,
               std::initializer_list<log_member> members = {});

    /// Logged at `info`, an answer of 500 and above at `error`.
    void request(const request_line& line);

    bool enabled(log_level level) const;

    /// Blocks: until everything logged before is written, or for about a second: a reader that
    /// stands still keeps nobody from going on.
    void flush();

private:
    class sink;
    std::shared_ptr<sink> sink_;
    std::shared_ptr<spdlog::logger> spdlog_;
    log_level level_;
};

}  // namespace pinhole::http
