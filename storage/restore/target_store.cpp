#include "storage/restore/target_store.hpp"

#include <algorithm>

#include "storage/dump/dump_format.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/read_only_database.hpp"

namespace pinhole::storage {

namespace {

constexpr std::size_t cache_bytes = std::size_t{64} << 20U;

kv::rocksdb_options options_of(const std::filesystem::path& data_dir, const kv::log_function& log) {
    kv::rocksdb_options options;
    options.directory = data_dir / "db";
    options.families.assign(families::all.begin(), families::all.end());
    options.block_cache_bytes = cache_bytes;
    options.log = log;
    options.on_failure = [] {};
    return options;
}

/// Of a database, even a damaged one. A first start that was cut short may have left the lock.
bool has_files(const std::filesystem::path& directory) {
    if (!std::filesystem::exists(directory)) {
        return false;
    }
    return std::ranges::any_of(std::filesystem::directory_iterator{directory},
                               [](const auto& entry) { return entry.path().filename() != "LOCK"; });
}

}  // namespace

std::unique_ptr<kv::read_only_store> open_target_to_read(const std::filesystem::path& data_dir,
                                                         const kv::log_function& log) {
    const auto directory = data_dir / "db";
    if (!has_files(directory)) {
        return nullptr;
    }
    return open_read_only(directory, log);
}

std::unique_ptr<kv::store> open_target(const std::filesystem::path& data_dir,
                                       const kv::log_function& log) {
    return kv::open_rocksdb(options_of(data_dir, log));
}

bool has_rows(const kv::reader& reader) {
    bool found = false;
    dump::for_each_dumped([&]<class Row>() {
        found = found || !reader.walk(schema<Row>::family, nullptr, 1).empty();
    });
    return found;
}

}  // namespace pinhole::storage
