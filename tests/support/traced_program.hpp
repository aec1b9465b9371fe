// A program that strace watches and may kill with -9 on entering one of the calls that change a
// file system: what it leaves then is what a crash would.
//
// strace counts the calls of each kind and thread by themselves, so a place is a kind and a number.
#pragma once

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace pinhole::test {

/// Whether there is strace, and the right to trace: a precondition of a test.
boost::test_tools::assertion_result can_kill_at_calls(boost::unit_test::test_unit_id id);

/// ASAN_OPTIONS for a program that is traced: LeakSanitizer cannot work there.
std::string without_leak_detection();

struct system_call {
    std::string name;
    std::size_t n = 1;  ///< of that name, by that thread
    std::string line;   ///< as strace writes it, with its arguments
};

std::string to_string(const system_call& call);

/// So many of them, one of each of as many stretches of equal length; `pick(n)` says which, below
/// n. All, if there are no more, or in a full run (full_run.hpp).
std::vector<system_call> sample(std::span<const system_call> calls, std::size_t count,
                                const std::function<std::size_t(std::size_t)>& pick);

class traced_program {
public:
    /// `trace` is where strace writes.
    traced_program(std::string program, std::filesystem::path trace);

    /// Runs it to its end, killed at this call, if any. As `run_program`.
    int run(const std::vector<std::string>& arguments,
            const system_call* killed_at = nullptr) const;

    /// What the thread that began called when it ran last, in order.
    std::vector<system_call> calls() const;

private:
    std::string program_;
    std::filesystem::path trace_;
};

}  // namespace pinhole::test
