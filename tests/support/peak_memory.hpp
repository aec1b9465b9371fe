// How much memory something takes at its peak, as the kernel counts what is resident.
#pragma once

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <stdexcept>
#include <string>

namespace pinhole::test {

class peak_memory {
public:
    /// From here on.
    peak_memory() {
        std::ofstream{"/proc/self/clear_refs"} << "5";
        before_mib_ = peak_mib();
    }

    std::size_t grown_mib() const {
        const std::size_t now = peak_mib();
        return now - std::min(now, before_mib_);
    }

private:
    static std::size_t peak_mib() {
        std::ifstream status{"/proc/self/status"};
        for (std::string line; std::getline(status, line);) {
            if (line.starts_with("VmHWM:")) {
                return std::stoul(line.substr(6)) / 1024;
            }
        }
        throw std::runtime_error{"the kernel says nothing of this process's peak"};
    }

    std::size_t before_mib_ = 0;
};

}  // namespace pinhole::test
