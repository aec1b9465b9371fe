// What is wrong with a backup itself, as opposed to the disk it lies on: verifying reports it, and
// restoring refuses the backup for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace pinhole::storage::backup {

/// The message names the file.
struct backup_damage : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Lines for the operator: the first, and how many there are.
class fault_list {
public:
    static constexpr std::size_t kept_max = 100;

    void add(std::string line) {
        if (kept_.size() < kept_max) {
            kept_.push_back(std::move(line));
        }
        ++total_;
    }
    bool empty() const { return total_ == 0; }
    const std::vector<std::string>& kept() const { return kept_; }
    std::uint64_t total() const { return total_; }

private:
    std::vector<std::string> kept_;
    std::uint64_t total_ = 0;
};

}  // namespace pinhole::storage::backup
