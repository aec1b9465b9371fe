// probe_once FILE DESCRIPTORS MEMORY: probes one file and prints what that cost, as
// measured_probe.cpp reads it. With DESCRIPTORS (how many may still be opened) or MEMORY (how many
// bytes of address space may still be taken) not negative, the process is kept short of them.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <new>
#include <system_error>

#include "storage/media/probe.hpp"

namespace {

using namespace pinhole;

struct memory_size {
    std::uint64_t total = 0;
    std::uint64_t resident = 0;
};

memory_size current_memory() {
    memory_size pages;
    std::ifstream("/proc/self/statm") >> pages.total >> pages.resident;
    const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    return {.total = pages.total * page_bytes, .resident = pages.resident * page_bytes};
}

rusage usage() {
    rusage now{};
    ::getrusage(RUSAGE_SELF, &now);
    return now;
}

double cpu_seconds(const rusage& used) {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void limit_to(__rlimit_resource resource, std::uint64_t value) {
    const rlimit limit{.rlim_cur = value, .rlim_max = value};
    ::setrlimit(resource, &limit);
}

/// The failure's number, -1 for "accepted", -2 for an exception.
int outcome_of(const char* file) {
    try {
        const auto found = media::probe(file);
        return found ? -1 : static_cast<int>(found.error().code);
    } catch (const std::system_error&) {
        return -2;
    } catch (const std::bad_alloc&) {
        return -2;
    }
}

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) {
        return 2;
    }
    const long descriptors = std::strtol(arguments[2], nullptr, 10);
    const long memory_bytes = std::strtol(arguments[3], nullptr, 10);
    media::start_decoders();
    const memory_size before = current_memory();
    if (descriptors >= 0) {
        const int first_free = ::fcntl(0, F_DUPFD, 0);
        ::close(first_free);
        limit_to(RLIMIT_NOFILE, static_cast<std::uint64_t>(first_free + descriptors));
    }
    if (memory_bytes >= 0) {
        limit_to(RLIMIT_AS, before.total + static_cast<std::uint64_t>(memory_bytes));
    }
    const double cpu_before = cpu_seconds(usage());
    const int outcome = outcome_of(arguments[1]);
    const rusage after = usage();
    const std::uint64_t peak = static_cast<std::uint64_t>(after.ru_maxrss) * 1024;
    fmt::print("{} {} {}\n", outcome, peak - std::min(peak, before.resident),
               cpu_seconds(after) - cpu_before);
    return 0;
}
