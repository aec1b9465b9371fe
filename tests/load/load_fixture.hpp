// A running server program for tests that bring many clients, and what such a test itself needs.
//
// For the test's own thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/api/api_client.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

class load_server {
public:
    /// On a port of the loopback, unless `listen` says another address; no rate limits and a quiet
    /// log, unless the arguments say so.
    explicit load_server(const std::vector<std::string>& arguments = {},
                         const std::string& listen = "127.0.0.1:0");

    server_process& process() { return *process_; }
    std::uint16_t port() const { return port_; }
    http_client connect() const { return http_client(port_); }
    /// Everything that the server has logged.
    std::string log_text() const;

    /// Stops it, and checks that it stopped as it should.
    void check_stops();

private:
    temporary_directory directory_;
    std::filesystem::path log_ = directory_.path() / "log";
    std::optional<server_process> process_;
    std::uint16_t port_ = 0;
};

/// How many descriptors this process may have, after raising the limit as far as it goes. The
/// server, started after this, has the same limit.
std::size_t raise_descriptor_limit();

/// The listening one included.
std::size_t open_sockets(pid_t process);

/// How long the server took to answer `GET target` over a new connection. The answer must be 200.
std::chrono::milliseconds time_of_plain_request(std::uint16_t port,
                                                const std::string& target = "/healthz");

/// What a plain request may take, whoever else is there.
inline constexpr std::chrono::seconds plain_request_patience{1};

/// An address of this machine that is not the loopback's; empty if it has none.
std::string own_address();

/// Checks that the server holds at most so much; says that nothing was checked under a
/// sanitizer, whose own memory is among it.
void check_memory(std::uint64_t bytes, std::uint64_t bytes_max);

/// How many times `text` stands in `in`.
std::size_t count_of(const std::string& text, const std::string& in);

}  // namespace pinhole::test
