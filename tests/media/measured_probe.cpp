#include "tests/media/measured_probe.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "tests/media/media_files.hpp"

namespace pinhole::test {

measured_probe measure_probe(std::string_view bytes, const resources_left& left) {
    const temporary_directory folder;
    const std::filesystem::path file = write_file(folder.path() / "upload", bytes);
    const std::string command = fmt::format("'{}' '{}' {} {} 2>/dev/null", PINHOLE_PROBE_ONCE,
                                            file.string(), left.descriptors, left.memory_bytes);
    std::FILE* const output = ::popen(command.c_str(), "r");
    if (output == nullptr) {
        throw std::system_error(errno, std::generic_category(), "popen");
    }
    measured_probe result;
    int outcome = 0;
    const int got =
        std::fscanf(output, "%d %lu %lf", &outcome, &result.peak_bytes, &result.cpu_seconds);
    result.crashed = ::pclose(output) != 0 || got != 3;
    if (!result.crashed) {
        result.accepted = outcome == -1;
        result.threw = outcome == -2;
    }
    if (!result.crashed && outcome >= 0) {
        result.failure = static_cast<media::probe_failure>(outcome);
    }
    return result;
}

}  // namespace pinhole::test
