// The server program as a process of its own: started, signalled, waited for.
//
// Its log goes to a file that outlives it, so that several runs on one data directory leave one
// log. Whatever does not happen before a deadline is an exception. For the test's own thread.
#pragma once

#include <sys/types.h>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/unique_fd.hpp"

namespace pinhole::test {

/// `signal` is 0 for a process that exited by itself.
struct process_end {
    int exit_status = 0;
    int signal = 0;
};

/// How the program is started beside its arguments.
struct launch_options {
    /// A program, found in PATH, and its arguments that come before the server's: one that becomes
    /// the server (`prlimit`, `faketime`, `strace -D`), so that signals reach the server.
    std::vector<std::string> wrapper;
    /// `NAME=value`, beside this process's own environment.
    std::vector<std::string> environment;
};

class server_process {
public:
    /// Starts the program with these arguments, its stderr appended to `log`.
    server_process(const std::vector<std::string>& arguments, const std::filesystem::path& log,
                   const launch_options& options = {});
    server_process(const server_process&) = delete;
    server_process& operator=(const server_process&) = delete;
    /// Kills it if it still runs.
    ~server_process();

    /// Blocks: until the program says where it serves. Returns the port.
    std::uint16_t wait_until_serving();
    /// Blocks: until it says where its metrics are. Returns the port.
    /// Requires: it was given --admin-listen, and serves.
    std::uint16_t wait_until_watched();
    void send_signal(int number) const;
    /// Has it stand still, until it is killed. Blocks: until all its threads do.
    void freeze() const;
    /// Blocks: until it has ended.
    process_end wait(std::chrono::seconds patience = std::chrono::seconds(40));
    process_end stop(int signal);

    /// -1 once it has been waited for.
    pid_t pid() const { return pid_; }
    /// What it holds in memory now (VmRSS), or has held at most (VmHWM).
    std::uint64_t resident_bytes() const;
    std::uint64_t resident_bytes_max() const;
    std::size_t open_descriptors() const;
    /// Those of files whose names end so: `.sst`.
    std::size_t open_files(std::string_view extension) const;
    /// What all its threads together have used of the cores so far.
    std::chrono::milliseconds cpu_time() const;

    /// All that it has written to stdout, once it has ended.
    std::string rest_of_output();

private:
    bool read_output(std::chrono::steady_clock::time_point deadline);
    std::uint16_t read_port();

    pid_t pid_ = -1;
    unique_fd process_;
    unique_fd output_;
    std::string received_;
};

/// The arguments for a server on this data directory, on a port that the system picks.
std::vector<std::string> serve_arguments(const std::filesystem::path& data_dir);

}  // namespace pinhole::test
