// pinhole-admin as a process of its own: what it is given, what it says, how it ends. For the
// test's own thread.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/unique_fd.hpp"

namespace pinhole::test {

struct admin_end {
    int exit_status = -1;  ///< -1 if a signal ended it
    int signal = 0;
    std::string out;
    std::string err;
};

class admin_process {
public:
    /// Starts it with these arguments, `input` on its standard input.
    explicit admin_process(const std::vector<std::string>& arguments, std::string_view input = {});
    admin_process(const admin_process&) = delete;
    admin_process& operator=(const admin_process&) = delete;
    /// Kills it if it still runs.
    ~admin_process();

    /// Blocks: until its standard error holds this text. False if it ends before.
    bool wait_until_it_says(std::string_view text);
    void send_signal(int number) const;
    /// Blocks: until it has ended; an exception if that takes more than two minutes.
    admin_end wait();

private:
    bool read_error_output();

    pid_t pid_ = -1;
    unique_fd process_;
    unique_fd out_;
    unique_fd err_;
    std::string said_;
};

/// Runs it to its end.
admin_end run_admin(const std::vector<std::string>& arguments, std::string_view input = {});

/// `{"--data-dir", data, word…}`
std::vector<std::string> on(const std::filesystem::path& data, std::vector<std::string> word);

std::filesystem::path admin_program();

}  // namespace pinhole::test
