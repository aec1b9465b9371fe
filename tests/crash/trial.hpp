// What the tests that harm the server share: how often, from which seed, and the server with its
// crowd, over one life of the process after the other.
// For the test's own thread.
#pragma once

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/program/server_process.hpp"
#include "tests/workload/crowd.hpp"

namespace pinhole::test {

/// From the environment variable, where it is set.
int rounds_from(const char* variable, int otherwise);

/// Random numbers from a seed of the system's, or from PINHOLE_TEST_SEED. Say the seed where a test
/// fails.
class dice {
public:
    dice();

    std::uint32_t seed() const { return seed_; }
    /// In [0, below).
    unsigned pick(unsigned below) {
        return std::uniform_int_distribution<unsigned>(0, below - 1)(engine_);
    }
    std::chrono::microseconds moment(std::chrono::microseconds before) {
        return std::chrono::microseconds(pick(static_cast<unsigned>(before.count()) + 1));
    }

private:
    std::uint32_t seed_;
    std::mt19937 engine_;
};

/// Waits until the crowd is writing, and then until a random moment: so many acknowledged writes
/// later, or so much time.
void wait_for_a_moment(crowd_signals& signals, dice& random);

/// One data directory, and the processes that serve it, one after the other.
class trial {
public:
    /// Starts the first one, with more arguments than it needs to serve.
    trial(const std::filesystem::path& data, const std::filesystem::path& log,
          const std::vector<std::string>& more_arguments = {});

    /// Starts the next one. Returns its port, once it serves.
    std::uint16_t start();
    /// Starts it `times` times, and lets it die each time at a moment before it serves or little
    /// later. `die` ends the process, and waits for its end.
    void die_while_starting(unsigned times, dice& random, const std::function<void()>& die);
    /// kill -9
    void kill() const { server_->send_signal(SIGKILL); }
    /// Waits for the end of a process that was killed.
    void expect_killed();

    /// Checks, on a copy of the database as the last process left it, that all that lies in it
    /// agrees: rows, index entries, counters. Requires: no process runs.
    void check_database() const;

    const server_process& server() const { return *server_; }
    server_process& server() { return *server_; }
    std::uint16_t port() const { return port_; }
    const std::filesystem::path& data() const { return data_; }
    const std::filesystem::path& log() const { return log_; }

private:
    std::filesystem::path data_;
    std::filesystem::path log_;
    std::vector<std::string> arguments_;
    std::optional<server_process> server_;
    std::uint16_t port_ = 0;
    std::chrono::microseconds start_takes_{0};  ///< as long as the longest so far
};

}  // namespace pinhole::test
