#include "storage/kv/rocksdb_diagnosis.hpp"

#include <rocksdb/options.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <exception>
#include <vector>

#include "storage/kv/rocksdb_log_file.hpp"

namespace pinhole::kv {
namespace {

bool is_damaged(const std::filesystem::path& path) {
    const std::string name = path.filename().string();
    if (name.ends_with(".log") || name.starts_with("MANIFEST-")) {
        return has_damaged_record(path);
    }
    if (!name.ends_with(".sst")) {
        return false;
    }
    rocksdb::SstFileReader table{rocksdb::Options()};
    return !table.Open(path.string()).ok();
}

}  // namespace

std::string find_damaged_files(const std::filesystem::path& directory) {
    std::vector<std::string> found;
    try {
        for (const auto& entry : std::filesystem::directory_iterator(directory)) {
            if (is_damaged(entry.path())) {
                found.push_back(entry.path().string());
            }
        }
    } catch (const std::exception& failure) {
        // It is said beside RocksDB's own reason, not in place of it.
        found.emplace_back(failure.what());
    }
    std::ranges::sort(found);
    std::string all;
    for (const std::string& each : found) {
        all += (all.empty() ? "" : ", ") + each;
    }
    return all;
}

}  // namespace pinhole::kv
