// What the tests of the RocksDB backend share.
#pragma once

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/kv/rocksdb_store.hpp"
#include "tests/kv/test_store.hpp"

namespace pinhole::kv::test {

inline rocksdb_options make_options(const std::filesystem::path& directory) {
    rocksdb_options options;
    options.directory = directory;
    options.families.assign(families.begin(), families.end());
    return options;
}

/// Rows in part 1 of the family `rows`.
inline int count_rows(const store& store) {
    return static_cast<int>(scan(store, {1, rows, "", "", 10'000, false}).size());
}

/// Keeps what the store logs.
class log_keeper {
public:
    log_function function() {
        return [this](log_level level, std::string_view message) {
            const std::lock_guard lock(mutex_);
            lines_.emplace_back(level, message);
            came_.notify_all();
        };
    }

    bool has(log_level level, std::string_view text) const {
        const std::lock_guard lock(mutex_);
        return has_locked(level, text);
    }

    /// False when it has not come by then.
    bool wait_for(log_level level, std::string_view text, std::chrono::seconds most) const {
        std::unique_lock lock(mutex_);
        return came_.wait_for(lock, most, [&] { return has_locked(level, text); });
    }

private:
    bool has_locked(log_level level, std::string_view text) const {
        return std::ranges::any_of(lines_, [&](const auto& line) {
            return line.first == level && line.second.find(text) != std::string::npos;
        });
    }

    mutable std::mutex mutex_;
    mutable std::condition_variable came_;
    std::vector<std::pair<log_level, std::string>> lines_;
};

}  // namespace pinhole::kv::test
