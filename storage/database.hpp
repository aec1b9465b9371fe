// One open data directory: the store, the media, the keys, the ids and the background work, put
// together in the right order. Programs hold exactly one; handlers and tools work through it.
//
//   DIR/db/         the store            DIR/secret.key   the server's key, unless configured
//   DIR/media/      the media store     DIR/control.sock  of a server: for pinhole-admin
//
// What a restore has left there is finished or removed first (restore/data_directory.hpp).
//
// Thread-safe once made. Blocks: the constructor, while it recovers, sweeps and finishes what a
// crash cut short; for minutes if that was a reindex.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/id.hpp"
#include "storage/base/time.hpp"
#include "storage/base/unique_fd.hpp"
#include "storage/base/work.hpp"
#include "storage/control/service.hpp"
#include "storage/housekeeping.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"
#include "storage/media/media_store.hpp"
#include "storage/media_placement.hpp"
#include "storage/reindex.hpp"
#include "storage/secrets.hpp"

namespace pinhole::storage {

struct database_options {
    std::filesystem::path data_dir;
    std::string secret_key;  ///< empty: made and kept in the data directory
    bool sync = true;        ///< false loses acknowledged writes in a crash; bulk loading only
    std::size_t block_cache_bytes = std::size_t{256} << 20U;
    /// Writes are refused while the disk has less room than this; raised where too little.
    std::uint64_t disk_reserve_bytes = std::uint64_t{64} << 20U;
    /// Open a database whose write-ahead log is damaged: ACKNOWLEDGED WRITES BEHIND IT ARE LOST.
    bool truncate_damaged_log = false;
    std::uint16_t shard = 0;                         ///< stands in every id
    std::chrono::seconds token_life{30LL * 86'400};  ///< no login is left a longer one
    /// What was deleted longer ago is purged once a day (maintenance/daily_purge.hpp), beginning so
    /// long after the start. Nothing: never by itself, as for a tool, which cannot know how long
    /// the server lets things be restored.
    std::optional<std::chrono::seconds> purge_after;
    std::chrono::milliseconds purge_delay = std::chrono::minutes{10};
    /// Make all indexes and counters anew before anything else (reindex.hpp). One that was cut
    /// short is finished in any case.
    bool reindex = false;
    work_watch watch = {};  ///< of what takes long before it is open
    kv::log_function log = [](kv::log_level, std::string_view) {};
    /// Called once, from any thread, when `health` becomes `failed`; must not block.
    std::function<void()> on_failure = [] {};
    id_generator::clock_ms clock_ms;  ///< empty: the system's clock
};

class database {
public:
    /// Errors: throws kv::storage_failure, std::system_error or std::runtime_error with a message
    /// for the operator; a database written by a newer schema is refused.
    explicit database(database_options options);
    database(const database&) = delete;
    database& operator=(const database&) = delete;
    /// Requires: no unit of work is running any more.
    ~database();

    const std::filesystem::path& data_dir() const { return options_.data_dir; }
    kv::store& store() { return *store_; }
    media::media_store& media() { return media_; }
    media_placement& placement() { return placement_; }
    id_generator& ids() { return ids_; }
    const secrets& keys() const { return keys_; }
    /// What the reindex came to that had to be done before it was open, if one had.
    const std::optional<reindex_report>& reindexed() const { return reindexed_; }

    /// The store's health, or `failed` once a media write has failed.
    kv::health health() const;

    /// Freezes the rows as they are into a new directory (kv/checkpoint.hpp), which
    /// `open_read_only` reads; writers go on. The answer is an instant before it was made: whatever
    /// was acknowledged by then is in it.
    /// Errors: throws kv::storage_failure. Blocks: perhaps for a flush.
    timestamp make_checkpoint(const std::filesystem::path& directory) const;

    /// Lets pinhole-admin work on the database while this process has it open
    /// (control/service.hpp). `watch` learns of the commits that come that way. Where the socket
    /// can't be had, a warning says so, and all else goes on.
    void serve_control(control::commit_watcher watch);

    /// There may be a job to do.
    void wake_jobs() { housekeeping_.wake(); }

    /// While it is held no media are removed for good: for whoever copies them.
    /// Blocks: until a removal that is under way is done.
    [[nodiscard]] purge_gate::hold_token hold_removals() { return placement_.purging().hold(); }

private:
    /// A write, fsync or rename of media failed for another reason than a full disk: what is on
    /// disk cannot be trusted any more, so the process must end, as for the store.
    void report_media_failure(std::string_view what);
    void reindex_if_due();
    void refresh_text_indexes();
    void sweep_media();
    timestamp find_newest_date() const;

    database_options options_;
    unique_fd entered_;  ///< keeps restores out
    secrets keys_;
    std::unique_ptr<kv::store> store_;
    std::optional<reindex_report> reindexed_;
    std::atomic<bool> media_failed_{false};  ///< before `media_`, which may set it
    media::media_store media_;
    media_placement placement_;
    id_generator ids_;
    housekeeping housekeeping_;
    std::unique_ptr<control::service> control_;
};

}  // namespace pinhole::storage
