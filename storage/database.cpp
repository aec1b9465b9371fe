#include "storage/database.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <stdexcept>
#include <system_error>

#include "storage/base/time.hpp"
#include "storage/base/unique_fd.hpp"
#include "storage/files.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/meta.hpp"

namespace pinhole::storage {

namespace {

constexpr std::string_view schema_version_name = "schema_version";

void sync_directory(const std::filesystem::path& directory) {
    const unique_fd folder{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder || ::fsync(folder.get()) != 0) {
        throw std::system_error{errno, std::system_category(), "fsync " + directory.string()};
    }
}

/// Makes the directory with its parents, each durable in its own: a power cut must not take away
/// the folder in which acknowledged writes lie.
void make_durable_directory(const std::filesystem::path& wanted) {
    const auto directory = std::filesystem::absolute(wanted).lexically_normal();
    if (std::filesystem::is_directory(directory)) {
        return;
    }
    if (directory.has_parent_path() && directory.parent_path() != directory) {
        make_durable_directory(directory.parent_path());
    }
    std::filesystem::create_directory(directory);
    sync_directory(directory.parent_path());
}

database_options prepared(database_options options) {
    if (sodium_init() < 0) {
        throw std::runtime_error{"libsodium cannot be initialised"};
    }
    make_durable_directory(options.data_dir);
    if (!options.clock_ms) {
        options.clock_ms = [] { return to_microseconds(now()) / 1000; };
    }
    return options;
}

std::unique_ptr<kv::store> open_store(const database_options& options) {
    kv::rocksdb_options rocksdb;
    rocksdb.directory = options.data_dir / "db";
    rocksdb.families.assign(families::all.begin(), families::all.end());
    rocksdb.block_cache_bytes = options.block_cache_bytes;
    rocksdb.sync = options.sync;
    rocksdb.on_damaged_log =
        options.truncate_damaged_log ? kv::damaged_log::truncate : kv::damaged_log::refuse;
    rocksdb.log = options.log;
    rocksdb.on_failure = options.on_failure;
    rocksdb.reserve_bytes = options.disk_reserve_bytes;
    make_durable_directory(rocksdb.directory);
    // Password hashes lie there. The media beside it are for the web server to read.
    std::filesystem::permissions(rocksdb.directory, std::filesystem::perms::owner_all);
    return kv::open_rocksdb(rocksdb);
}

/// Brings a database forward from `from` to `from + 1`. There is only one version so far, so none
/// is older; the first change of the keys or rows adds its step here.
void migrate(kv::store&, std::int64_t from) {
    throw std::runtime_error{"no migration leads from schema version " + std::to_string(from)};
}

}  // namespace

database::database(database_options options)
    : options_(prepared(std::move(options))),
      keys_(load_or_make_master_key(options_.data_dir, options_.secret_key)),
      store_(open_store(options_)),
      media_(options_.data_dir / "media"),
      placement_(*store_, media_, options_.log),
      ids_(options_.shard, read_id_ceiling_ms(*store_->snapshot(kv::read_mode::blocking)),
           options_.clock_ms),
      housekeeping_(*store_, ids_, placement_, options_.log) {
    check_schema_version();
    sweep_media();
    housekeeping_.finish_media_jobs();
    if (!housekeeping_.raise_id_ceiling()) {
        options_.log(kv::log_level::warning,
                     "the store takes no writes yet; reads are served, writes answer an error");
    }
    housekeeping_.start();
}

database::~database() {
    housekeeping_.stop();
}

kv::health database::health() const {
    return media_failed_ ? kv::health::failed : store_->health();
}

void database::report_media_failure(std::string_view what) {
    if (!media_failed_.exchange(true)) {
        options_.log(kv::log_level::error, "the media disk failed: " + std::string{what});
        options_.on_failure();
    }
}

void database::check_schema_version() {
    const auto found = read_meta(*store_->snapshot(kv::read_mode::blocking), schema_version_name);
    if (found && *found > schema_version) {
        throw std::runtime_error{"the database in " + options_.data_dir.string() +
                                 " was written by a newer version (schema " +
                                 std::to_string(*found) + ", this program knows " +
                                 std::to_string(schema_version) + ")"};
    }
    for (std::int64_t version = found.value_or(schema_version); version < schema_version;
         ++version) {
        migrate(*store_, version);
    }
    if (found != schema_version) {
        kv::commit commit;
        append_meta(commit, schema_version_name, schema_version);
        // No row may ever stand in a database that does not say how it was written.
        if (store_->submit_and_wait(std::move(commit)) != kv::outcome::ok) {
            throw kv::storage_failure{"the schema version cannot be written to " +
                                      options_.data_dir.string() + ": is the disk full?"};
        }
    }
}

void database::sweep_media() {
    const auto snapshot = store_->snapshot(kv::read_mode::blocking);
    const auto swept = media_.sweep([&](std::string_view media_path) {
        return has_media_row(*snapshot, media::to_media_url(media_path));
    });
    if (swept.unfinished + swept.settled + swept.withdrawn != 0) {
        options_.log(kv::log_level::info, "swept uploads that the last run left behind: " +
                                              std::to_string(swept.unfinished) + " unfinished, " +
                                              std::to_string(swept.withdrawn) + " without a row, " +
                                              std::to_string(swept.settled) + " completed");
    }
}

}  // namespace pinhole::storage
