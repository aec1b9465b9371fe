// A server whose wall clock a test sets, while it runs and between its runs; by libfaketime, which
// leaves the steady clock as it is. Everybody else's clock stays right.
//
// For the test's own thread.
#pragma once

#include <boost/test/tree/decorator.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tests/api/api_client.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

using wall_time = std::chrono::sys_time<std::chrono::microseconds>;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

/// Whether there is a libfaketime that works in this build; a test's precondition.
boost::test_tools::assertion_result can_move_clock(boost::unit_test::test_unit_id);

/// How far an answer's time may be from when it came: a slow machine, not a wrong clock.
inline constexpr seconds slack{120};

wall_time parse_time(const std::string& rfc3339);

/// The server on one data directory.
class clocked_server {
public:
    /// Starts it with the right clock and these arguments beside those of a test's server.
    explicit clocked_server(std::vector<std::string> arguments = {});

    /// From now on its clock is so far ahead of the right one, or behind.
    void set_clock(seconds ahead);
    /// What its clock reads now.
    wall_time now() const;

    std::uint16_t port() const { return port_; }
    server_process& process() { return *process_; }
    /// Ends it by this signal and starts it again, with its clock as set.
    void restart(int signal);
    void stop();

    std::string log_text() const;
    bool log_says(const std::string& text) const { return log_text().contains(text); }
    /// Waits for it: the log is written in the background.
    void expect_log(const std::string& text, where from = where::current()) const;

private:
    void start();

    temporary_directory directory_;
    std::vector<std::string> arguments_;
    seconds ahead_{0};
    std::optional<server_process> process_;
    std::uint16_t port_ = 0;
};

}  // namespace pinhole::test
