#include "server/process_statistics.hpp"

#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>

namespace pinhole::http {
namespace {

/// proc(5): which field of /proc/PID/stat that is, counted from 1, and the first behind the name.
constexpr int start_time_field = 22;
constexpr int state_field = 3;

double to_seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double read_clock(clockid_t clock) {
    timespec now{};
    ::clock_gettime(clock, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

/// The kernel has it in clock ticks since the machine was started.
double read_start_time() {
    std::ifstream file("/proc/self/stat");
    std::string line;
    std::getline(file, line);
    // The name may hold spaces and parentheses.
    std::istringstream fields(line.substr(line.rfind(')') + 1));
    std::string skipped;
    for (int field = state_field; field < start_time_field; ++field) {
        fields >> skipped;
    }
    double ticks = 0;
    if (!(fields >> ticks)) {
        return 0;
    }
    return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME) +
           ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::uint64_t count_open_files() {
    std::error_code error;
    const std::filesystem::directory_iterator entries("/proc/self/fd", error);
    // One of them is the iterator's own.
    return error ? 0 : static_cast<std::uint64_t>(std::distance(begin(entries), end(entries)) - 1);
}

}  // namespace

process_statistics read_process_statistics() {
    // Read once: a clock that is set right later must not seem to be another start.
    static const double started_at = read_start_time();
    process_statistics read;
    read.started_at = started_at;
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    read.cpu_seconds = to_seconds(usage.ru_utime) + to_seconds(usage.ru_stime);
    std::uint64_t virtual_pages = 0;
    std::uint64_t resident_pages = 0;
    std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    read.virtual_bytes = virtual_pages * page_bytes;
    read.resident_bytes = resident_pages * page_bytes;
    read.open_files = count_open_files();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        read.open_files_max = limit.rlim_cur;
    }
    return read;
}

}  // namespace pinhole::http
