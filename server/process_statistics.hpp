// What this process takes of the machine, as the kernel has it.
//
// Thread-safe. Blocks: on no disk; the longer the more descriptors are open.
#pragma once

#include <cstdint>
#include <optional>

namespace pinhole::http {

struct process_statistics {
    double cpu_seconds = 0;  ///< of all threads
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_files = 0;
    std::optional<std::uint64_t> open_files_max;  ///< nothing: no limit
    double started_at = 0;                        ///< in seconds since 1970
};

/// What cannot be had is 0.
process_statistics read_process_statistics();

}  // namespace pinhole::http
