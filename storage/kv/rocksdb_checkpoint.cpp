#include "storage/kv/rocksdb_checkpoint.hpp"

#include <rocksdb/utilities/checkpoint.h>

#include <cstdint>
#include <utility>

namespace pinhole::kv {
namespace {

/// A log up to this long is copied, which costs less than the small tables that a flush would leave
/// in every family; a longer one is flushed before, so that what reads the checkpoint need not hold
/// it in memory.
constexpr std::uint64_t log_bytes_copied_max = std::uint64_t{16} << 20U;

/// The database must not close while something reads from it.
class reading {
public:
    explicit reading(const database& database) : database_(database) { database_.reader_made(); }
    ~reading() { database_.reader_gone(); }
    reading(const reading&) = delete;
    reading& operator=(const reading&) = delete;

private:
    const database& database_;
};

}  // namespace

void make_checkpoint(const database& database, const std::filesystem::path& directory) {
    const reading kept(database);
    rocksdb::Checkpoint* made = nullptr;
    auto status = rocksdb::Checkpoint::Create(&database.rocks(), &made);
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
    if (status.ok()) {
        status = checkpoint->CreateCheckpoint(directory.string(), log_bytes_copied_max);
    }
    if (!status.ok()) {
        throw storage_failure("cannot make a checkpoint in " + directory.string() + ": " +
                              status.ToString());
    }
}

void make_checkpoint(const store& store, const std::filesystem::path& directory) {
    const auto* maker = dynamic_cast<const checkpoint_maker*>(&store);
    if (maker == nullptr) {
        throw storage_failure("a checkpoint cannot be made of this store");
    }
    maker->make_checkpoint(directory);
}

std::unique_ptr<read_only_store> open_read_only(const read_only_options& options) {
    std::error_code unreadable;
    if (!std::filesystem::exists(options.directory / "CURRENT", unreadable)) {
        throw storage_failure("there is no database in " + options.directory.string() +
                              (unreadable ? ": " + unreadable.message() : ""));
    }
    rocksdb_options opening;
    opening.directory = options.directory;
    opening.families = options.families;
    opening.block_cache_bytes = options.block_cache_bytes;
    opening.log = options.log;
    auto health = std::make_shared<health_tracker>(options.log, [] {});
    return std::make_unique<rocksdb_read_only_store>(
        std::make_shared<const database>(opening, std::move(health), open_mode::read_only));
}

}  // namespace pinhole::kv
