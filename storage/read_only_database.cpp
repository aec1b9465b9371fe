#include "storage/read_only_database.hpp"

#include <utility>

#include "storage/migrations.hpp"
#include "storage/schema/entities.hpp"

namespace pinhole::storage {

std::unique_ptr<kv::read_only_store> open_read_only(const std::filesystem::path& directory,
                                                    kv::log_function log) {
    kv::read_only_options options;
    options.directory = directory;
    options.families.assign(families::all.begin(), families::all.end());
    options.log = std::move(log);
    auto opened = kv::open_read_only(options);
    require_newest_schema(*opened->snapshot(), directory.string());
    return opened;
}

}  // namespace pinhole::storage
