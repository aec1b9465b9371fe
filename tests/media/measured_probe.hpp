// What a probe costs: run in a process of its own (probe_once.cpp), so that nothing else is in the
// figures, and so that it may be kept short of something.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/media/probe.hpp"

namespace pinhole::test {

struct measured_probe {
    bool accepted = false;
    std::optional<media::probe_failure> failure;  ///< none: accepted, or an exception
    bool threw = false;                           ///< an exception of the environment
    bool crashed = false;
    std::uint64_t peak_bytes = 0;  ///< resident memory beyond what it was before
    double cpu_seconds = 0;        ///< of all threads, user and system
};

/// How much the process may still take; negative: as much as it likes.
struct resources_left {
    long descriptors = -1;
    long memory_bytes = -1;
};

measured_probe measure_probe(std::string_view bytes, const resources_left& left = {});

}  // namespace pinhole::test
