#include "tests/support/traced_program.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string_view>
#include <utility>

#include "tests/support/full_run.hpp"
#include "tests/support/run_program.hpp"

namespace pinhole::test {

namespace {

constexpr std::string_view changing_calls =
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,openat,fsync,"
    "fdatasync,syncfs,write,pwrite64,ftruncate,fallocate,fchmodat,fchmod,chmod";

}  // namespace

boost::test_tools::assertion_result can_kill_at_calls(boost::unit_test::test_unit_id /*id*/) {
    boost::test_tools::assertion_result result(
        run_program({"strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:signal=KILL:when=1",
                     "true"}) == 0);
    result.message() << "needs strace and the right to trace";
    return result;
}

std::string without_leak_detection() {
    const char* options = std::getenv("ASAN_OPTIONS");
    return std::string{"ASAN_OPTIONS="} + (options == nullptr ? "" : options) + ":detect_leaks=0";
}

std::string to_string(const system_call& call) {
    return call.name + " no. " + std::to_string(call.n);
}

std::vector<system_call> sample(std::span<const system_call> calls, std::size_t count,
                                const std::function<std::size_t(std::size_t)>& pick) {
    const std::size_t stretches = is_full_run() ? calls.size() : std::min(count, calls.size());
    std::vector<system_call> chosen;
    chosen.reserve(stretches);
    for (std::size_t number = 0; number < stretches; ++number) {
        const std::size_t begin = calls.size() * number / stretches;
        const std::size_t end = calls.size() * (number + 1) / stretches;
        chosen.push_back(calls[begin + pick(end - begin)]);
    }
    return chosen;
}

traced_program::traced_program(std::string program, std::filesystem::path trace)
    : program_(std::move(program)), trace_(std::move(trace)) {}

int traced_program::run(const std::vector<std::string>& arguments,
                        const system_call* killed_at) const {
    // Not with --seccomp-bpf, as quick as that is: strace 6.1 then injects no signal.
    std::vector<std::string> all{"strace", "-f", "-o", trace_.string()};
    all.insert(all.end(), {"-E", without_leak_detection()});
    all.insert(all.end(), {"-e", "trace=" + std::string{changing_calls}});
    if (killed_at != nullptr) {
        all.insert(all.end(), {"-e", "inject=" + killed_at->name +
                                         ":signal=KILL:when=" + std::to_string(killed_at->n)});
    }
    all.push_back(program_);
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_program(std::move(all));
}

std::vector<system_call> traced_program::calls() const {
    std::vector<system_call> calls;
    std::map<std::string, std::size_t> counts;
    std::string first;
    std::ifstream trace(trace_);
    for (std::string line; std::getline(trace, line);) {
        const std::string thread = line.substr(0, line.find(' '));
        const std::size_t begin = line.find_first_not_of(' ', thread.size());
        const std::size_t end = line.find('(');
        first = first.empty() ? thread : first;
        // "<... openat resumed>) = -1 ENOENT (No such file)" ends a call that was counted.
        const bool is_call = begin < end && end != std::string::npos && line[begin] != '<';
        if (thread == first && is_call) {
            const std::string name = line.substr(begin, end - begin);
            calls.push_back({.name = name, .n = ++counts[name], .line = line});
        }
    }
    return calls;
}

}  // namespace pinhole::test
