#include "storage/database.hpp"

#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include <stdexcept>
#include <system_error>

#include "storage/base/time.hpp"
#include "storage/base/unique_fd.hpp"
#include "storage/files.hpp"
#include "storage/kv/checkpoint.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/migrations.hpp"
#include "storage/reindex.hpp"
#include "storage/restore/data_directory.hpp"

namespace pinhole::storage {

namespace {

void sync_directory(const std::filesystem::path& directory) {
    const unique_fd folder{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder || ::fsync(folder.get()) != 0) {
        throw std::system_error{errno, std::system_category(), "fsync " + directory.string()};
    }
}

/// For the web server that reads the media: it passes through, and learns of nothing else there.
constexpr auto passable = std::filesystem::perms{0711};

/// Makes the directory with its parents, each durable in its own: a power cut must not take away
/// the folder in which acknowledged writes lie. Those it makes are passable whatever the umask.
void make_durable_directory(const std::filesystem::path& wanted) {
    const auto directory = std::filesystem::absolute(wanted).lexically_normal();
    if (std::filesystem::is_directory(directory)) {
        return;
    }
    if (directory.has_parent_path() && directory.parent_path() != directory) {
        make_durable_directory(directory.parent_path());
    }
    std::filesystem::create_directory(directory);
    std::filesystem::permissions(directory, passable);
    sync_directory(directory.parent_path());
}

database_options prepared(database_options options) {
    if (sodium_init() < 0) {
        throw std::runtime_error{"libsodium cannot be initialised"};
    }
    make_durable_directory(options.data_dir);
    if (std::filesystem::status(options.data_dir).permissions() != passable) {
        std::filesystem::permissions(options.data_dir, passable);
    }
    if (options.secret_key.empty() && !std::filesystem::exists(options.data_dir / "secret.key") &&
        std::filesystem::exists(options.data_dir / "db" / "CURRENT")) {
        options.log(kv::log_level::warning,
                    (options.data_dir / "secret.key").string() +
                        " is missing: a new one is made, and every login has ended");
    }
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

}  // namespace

database::database(database_options options)
    : options_(prepared(std::move(options))),
      entered_(enter_data_directory(options_.data_dir)),
      keys_(load_or_make_master_key(options_.data_dir, options_.secret_key)),
      store_(open_store(options_)),
      media_(options_.data_dir / "media",
             {.on_failure = [this](std::string_view what) { report_media_failure(what); }}),
      placement_(*store_, media_, options_.log),
      ids_(options_.shard, read_id_ceiling_ms(*store_->snapshot(kv::read_mode::blocking)),
           options_.clock_ms),
      housekeeping_(*store_, ids_, placement_, options_.log, options_.token_life) {
    migrate(*store_, migrations(), options_.data_dir.string());
    reindex_if_due();
    refresh_text_indexes();
    ids_.date_after(find_newest_date());
    sweep_media();
    housekeeping_.finish_media_jobs();
    if (!housekeeping_.raise_id_ceiling()) {
        options_.log(kv::log_level::warning,
                     "the store takes no writes yet; reads are served, writes answer an error");
    }
    if (options_.purge_after) {
        housekeeping_.purge_daily({.retention = *options_.purge_after,
                                   .delay = options_.purge_delay,
                                   .now = [clock_ms = options_.clock_ms] {
                                       return timestamp{std::chrono::milliseconds{clock_ms()}};
                                   }});
    }
    housekeeping_.start();
}

database::~database() {
    control_.reset();
    housekeeping_.stop();
}

void database::serve_control(control::commit_watcher watch) {
    try {
        control_ = std::make_unique<control::service>(control::service_options{
            .data_dir = options_.data_dir,
            .store = store_.get(),
            .families = families::all,
            .schema_version = schema_version,
            .log = options_.log,
            .watch_commit = std::move(watch),
            .make_id = [this] { return ids_.next_dated(now()); },
            .make_checkpoint =
                [this](const std::filesystem::path& directory) {
                    return make_checkpoint(directory);
                },
            .hold_purge = [this]() -> std::shared_ptr<void> {
                return std::make_shared<purge_gate::hold_token>(hold_removals());
            },
        });
    } catch (const std::system_error& error) {
        options_.log(kv::log_level::warning,
                     std::string{"pinhole-admin can't reach this server: "} + error.what());
    }
}

/// A date far ahead is that of a clock which was wrong, and says nothing of the others.
timestamp database::find_newest_date() const {
    const timestamp now{std::chrono::milliseconds{options_.clock_ms()}};
    return read_newest_date(*store_->snapshot(kv::read_mode::blocking), now + clock_step_max);
}

kv::health database::health() const {
    return media_failed_ ? kv::health::failed : store_->health();
}

timestamp database::make_checkpoint(const std::filesystem::path& directory) const {
    const timestamp before = now();
    kv::make_checkpoint(*store_, directory);
    return before;
}

void database::report_media_failure(std::string_view what) {
    if (!media_failed_.exchange(true)) {
        options_.log(kv::log_level::error, "the media disk failed: " + std::string{what});
        options_.on_failure();
    }
}

/// Before whatever asks an index: the sweep would take every upload for one without a row.
void database::reindex_if_due() {
    if (!options_.reindex && !is_reindexing(*store_->snapshot(kv::read_mode::blocking))) {
        return;
    }
    options_.log(kv::log_level::info, "all indexes and counters are made anew");
    const reindex_report made = reindex(*store_, options_.watch);
    reindexed_ = made;
    options_.log(made.damaged + made.shared == 0 ? kv::log_level::info : kv::log_level::warning,
                 "made the indexes and counters of " + std::to_string(made.rows) + " rows, set " +
                     std::to_string(made.rewritten) + " rows right; " +
                     std::to_string(made.damaged) + " cannot be read, " +
                     std::to_string(made.shared) + " claim what another has");
}

/// A disk that takes no writes keeps nobody from reading. Cut short midway, searches of texts miss
/// what was not reached, until a start at which it can be finished: the log has to say so.
void database::refresh_text_indexes() {
    try {
        refresh_trigrams(*store_);
    } catch (const kv::storage_failure& failure) {
        options_.log(kv::log_level::warning,
                     std::string{"the indexes by text could not be made anew, searches may miss "
                                 "rows until the next start: "} +
                         failure.what());
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
