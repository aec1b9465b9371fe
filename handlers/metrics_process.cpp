// What /metrics tells of the process, under the names that all Prometheus clients use for it.
#include <limits>
#include <string>

#include "handlers/metric_families.hpp"
#include "storage/base/version.hpp"

namespace pinhole::handlers {

void append_process_families(families& out, const http::process_statistics& process) {
    const auto gauge = [&out](std::string name, std::string help, double value) {
        out.push_back(gauge_family(std::move(name), std::move(help)).add(value).take());
    };
    out.push_back(counter_family("process_cpu_seconds_total", "Processor time of all threads")
                      .add(process.cpu_seconds)
                      .take());
    gauge("process_resident_memory_bytes", "Memory in use",
          static_cast<double>(process.resident_bytes));
    gauge("process_virtual_memory_bytes", "Address space in use",
          static_cast<double>(process.virtual_bytes));
    gauge("process_open_fds", "Open descriptors", static_cast<double>(process.open_files));
    gauge("process_max_fds", "Descriptors that may be open",
          process.open_files_max ? static_cast<double>(*process.open_files_max)
                                 : std::numeric_limits<double>::infinity());
    gauge("process_start_time_seconds", "When the process was started, in seconds since 1970",
          process.started_at);
    out.push_back(gauge_family("pinhole_build_info", "1; the label says what runs")
                      .add(std::uint64_t{1}, {{"version", storage::program_version()}})
                      .take());
}

}  // namespace pinhole::handlers
