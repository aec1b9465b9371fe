#include "storage/kv/rocksdb_database.hpp"

#include <rocksdb/cache.h>

#include <algorithm>
#include <cassert>
#include <fstream>
#include <utility>

#include "storage/kv/rocksdb_diagnosis.hpp"
#include "storage/kv/rocksdb_disk_guard.hpp"
#include "storage/kv/rocksdb_format.hpp"
#include "storage/kv/rocksdb_tuning.hpp"

namespace pinhole::kv {
namespace {

/// A table's filter is one block, of some megabytes, and a block that is larger than its shard of
/// the cache is read anew at each lookup. RocksDB's own choice makes 64 shards of whatever there
/// is.
int cache_shard_bits(std::size_t cache_bytes) {
    constexpr std::size_t shard_bytes_min = std::size_t{4} << 20U;
    constexpr int shard_bits_max = 6;
    int bits = 0;
    while (bits < shard_bits_max && (cache_bytes >> (bits + 1)) >= shard_bytes_min) {
        ++bits;
    }
    return bits;
}

/// Says what is known to whoever has to act on it, and RocksDB's own words.
[[noreturn]] void refuse_to_open(const rocksdb_options& options, const rocksdb::Status& status) {
    const std::string directory = options.directory.string();
    std::string reason = status.ToString();
    // A table that is missing is called by the name that it would have had years ago.
    if (const auto at = reason.find(".ldb"); at != std::string::npos) {
        reason.replace(at, 4, ".sst");
    }
    // RocksDB has no code for this; the two texts are another process's lock and our own.
    if (reason.find("lock file") != std::string::npos ||
        reason.find("lock hold by current process") != std::string::npos) {
        throw storage_failure("the database in " + directory + " is already open: " + reason);
    }
    if (status.IsCorruption()) {
        const std::string files = find_damaged_files(options.directory);
        throw storage_failure(
            "the database in " + directory + " is damaged: " + reason +
            (files.empty() ? "" : ". Damaged: " + files) +
            ". Restore it from a backup. If there is none and the damage is in a .log file, "
            "--damaged-wal truncate opens it without the acknowledged writes behind the damage, "
            "which are then lost");
    }
    if (status.IsNoSpace()) {
        throw no_room("there is no room to open the database in " + directory + ": " + reason);
    }
    throw storage_failure("cannot open the database in " + directory + ": " + reason);
}

[[noreturn]] void refuse_current(const std::filesystem::path& directory,
                                 const std::string& problem) {
    throw storage_failure("the database in " + directory.string() +
                          " is damaged: its file CURRENT " + problem +
                          ". Restore it from a backup");
}

/// Whether there is a database already.
/// Errors: throws storage_failure when it is there but has lost the file that names its state:
/// RocksDB would make an empty one over it.
bool is_database(const std::filesystem::path& directory) {
    if (std::ifstream current(directory / "CURRENT"); current) {
        std::string manifest;
        std::getline(current, manifest);
        if (!std::filesystem::exists(directory / manifest)) {
            refuse_current(directory, "names " + manifest + ", which is missing");
        }
        return true;
    }
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        const auto extension = entry.path().extension();
        if (extension == ".sst" || extension == ".log") {
            refuse_current(directory, "is missing");
        }
    }
    return false;
}

/// Families that stand on disk but not in the options were made by a newer version, whose rules
/// about them (indexes, counters) this one cannot keep. Those that an older one did not have are
/// made, but not where nothing is to be written.
void refuse_other_families(const rocksdb_options& options, const std::vector<std::string>& known,
                           open_mode mode) {
    std::vector<std::string> present;
    const auto status =
        rocksdb::DB::ListColumnFamilies(rocksdb::DBOptions(), options.directory.string(), &present);
    if (!status.ok()) {
        refuse_to_open(options, status);
    }
    for (const auto& name : present) {
        if (std::ranges::find(known, name) == known.end()) {
            throw storage_failure("the database in " + options.directory.string() +
                                  " has a family unknown to this version: " + name);
        }
    }
    for (const auto& name : known) {
        if (mode == open_mode::read_only && std::ranges::find(present, name) == present.end()) {
            throw missing_family("the database in " + options.directory.string() +
                                 " was written by an older version, without the family " + name +
                                 ": it has to be opened for writing once, as the server does");
        }
    }
}

}  // namespace

database::database(const rocksdb_options& options, std::shared_ptr<health_tracker> health,
                   open_mode mode)
    : health_(std::move(health)),
      mode_(mode),
      mark_(std::make_unique<kv::mark>(options.directory, health_)),
      environment_(make_guarded_environment(make_marked_files(*mark_))),
      cache_(rocksdb::NewLRUCache(options.block_cache_bytes,
                                  cache_shard_bits(options.block_cache_bytes))),
      tickers_(std::make_shared<kv::tickers>()),
      lock_(nullptr, lock_release{environment_.get()}) {
    for (const auto& spec : options.families) {
        auto& family = families_[spec.id];
        assert(family.name.empty() && "two families with one id");
        family.kind = spec.kind;
        family.name = spec.name;
    }
    if (options.on_damaged_log == damaged_log::truncate) {
        health_->log(
            log_level::warning,
            "a damaged write-ahead log is truncated at the damage: acknowledged writes "
            "behind it are lost for good; set it back to refuse once the database is open");
    }
    open(options);
    if (!options.sync) {
        health_->log(log_level::warning,
                     "sync is off: commits are acknowledged before they are on disk, and a crash "
                     "of the machine loses them; for bulk loading only");
    }
}

void database::open(const rocksdb_options& options) {
    std::error_code error;
    std::filesystem::create_directories(options.directory, error);
    if (error) {
        throw storage_failure("cannot make the directory " + options.directory.string() + ": " +
                              error.message());
    }
    std::vector<std::string> names{rocksdb::kDefaultColumnFamilyName};
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors{
        {names.front(), make_family_options(family_kind::rows, cache_)}};
    for (const auto& spec : options.families) {
        names.push_back(to_column_family_name(spec));
        descriptors.emplace_back(names.back(), make_family_options(spec.kind, cache_));
    }
    // Before anything is judged: another process may be writing.
    lock(options);
    if (is_database(options.directory)) {
        refuse_other_families(options, names, mode_);
        if (options.on_damaged_log == damaged_log::refuse) {
            mark_->check();
        }
    }
    if (!is_read_only()) {
        unlock();  // RocksDB has a lock of its own
    }
    rocksdb::DB* opened = nullptr;
    auto database_options = make_database_options(options, cache_, health_);
    database_options.env = environment_.get();
    database_options.statistics = tickers_;
    const std::string directory = options.directory.string();
    const auto status =
        is_read_only()
            ? rocksdb::DB::OpenForReadOnly(database_options, directory, descriptors, &handles_,
                                           &opened)
            : rocksdb::DB::Open(database_options, directory, descriptors, &handles_, &opened);
    if (!status.ok()) {
        refuse_to_open(options, status);
    }
    rocks_.reset(opened);
    if (!is_read_only()) {
        mark_->begin(rocks_->GetLatestSequenceNumber());
    }
    for (std::size_t at = 0; at < options.families.size(); ++at) {
        families_[options.families[at].id].handle = handles_[at + 1];
    }
}

void database::lock(const rocksdb_options& options) {
    rocksdb::FileLock* locked = nullptr;
    const auto status = environment_->LockFile((options.directory / "LOCK").string(), &locked);
    if (!status.ok()) {
        refuse_to_open(options, status);
    }
    lock_.reset(locked);
}

void database::unlock() {
    lock_.reset();
}

void database::fail_read(const family& family, const rocksdb::Status& status) const {
    const auto message = "reading family " + family.name + ": " + status.ToString();
    if (status.IsIOError() && !status.IsNoSpace()) {
        health_->fail(message);
    }
    throw storage_failure(message);
}

database::~database() {
    assert(readers_ == 0);
    unlock();
    for (auto* handle : handles_) {
        const auto status = rocks_->DestroyColumnFamilyHandle(handle);
        if (!status.ok()) {
            health_->log(log_level::error, "closing a family: " + status.ToString());
        }
    }
    const auto status = rocks_->Close();
    if (!status.ok()) {
        health_->log(log_level::error, "closing the database: " + status.ToString());
    }
}

}  // namespace pinhole::kv
