// What every handler works with: the database, the pools that may block, the limits. One object for
// the process, made by main and by tests.
//
// Thread-safety: used from all io threads at once; everything in it is thread-safe or constant.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "handlers/login_cache.hpp"
#include "handlers/rate_limit.hpp"
#include "handlers/unit_of_work.hpp"
#include "server/blocking_pool.hpp"
#include "server/log.hpp"
#include "server/router.hpp"
#include "storage/database.hpp"
#include "storage/media/probe.hpp"
#include "storage/media/verified_files.hpp"
#include "storage/sessions.hpp"

namespace pinhole::handlers {

struct api_options {
    std::chrono::seconds token_life{30LL * 86'400};
    std::chrono::seconds restore_retention{30LL * 86'400};
    std::uint64_t json_bytes_max = 64ULL * 1024;
    std::uint64_t upload_bytes_max = 512ULL * 1024 * 1024;
    media::probe_limits media_limits;
    std::uint64_t rows_read_max = 100'000;          ///< what one list may read
    std::chrono::milliseconds query_time_max{150};  ///< of the processor, for one list
    bool rate_limits = true;
    /// Uploads are refused while the disk has less room than this, so that files do not take the
    /// database's reserve.
    std::uint64_t upload_reserve_bytes = 64ULL * 1024 * 1024;
    unsigned hash_threads = 2;
    std::size_t hash_queue_max = 128;
    unsigned media_threads = 2;
    std::size_t media_queue_max = 256;
    unsigned read_threads = 4;
    std::size_t read_queue_max = 1024;
};

/// Idempotency keys that a request is working on right now.
class keys_in_flight {
public:
    bool enter(const std::string& name);
    void leave(const std::string& name);

private:
    std::mutex mutex_;
    std::unordered_set<std::string> names_;
};

class api {
public:
    api(storage::database& database, http::logger& log, const api_options& options);
    api(const api&) = delete;
    api& operator=(const api&) = delete;

    const api_options& options() const { return options_; }
    storage::database& database() { return database_; }
    http::logger& log() { return log_; }
    const unit_of_work& work() const { return work_; }

    http::blocking_pool& hash_pool() { return hash_pool_; }
    /// Checks photos and videos: seconds of a core for each, at worst.
    http::blocking_pool& media_pool() { return media_pool_; }
    /// Writes and publishes uploads: waits for the disk alone.
    http::blocking_pool& upload_pool() { return upload_pool_; }
    http::blocking_pool& placement_pool() { return placement_pool_; }
    http::blocking_pool& read_pool() { return read_pool_; }
    /// Compares media with their digests before they are served for the first time.
    http::blocking_pool& verify_pool() { return verify_pool_; }
    media::verified_files& verified_media() { return verified_media_; }

    keys_in_flight& keys() { return keys_; }
    login_cache& known_logins() { return *known_logins_; }
    rate_limiter& logins() { return logins_; }
    rate_limiter& signups() { return signups_; }
    rate_limiter& writes() { return writes_; }
    /// One client's tries at one account's password. A client that has used them up keeps nobody
    /// else from logging in.
    rate_limiter& guesses() { return guesses_; }
    rate_limiter& client_writes() { return client_writes_; }

    /// For commits that come to the database from elsewhere than this API.
    storage::control::commit_watcher commit_watcher() const { return watch_for(known_logins_); }

    /// Finishes what the pools have queued and refuses more. Blocks. Before the database goes.
    void close();

private:
    storage::database& database_;
    http::logger& log_;
    api_options options_;
    http::blocking_pool hash_pool_;
    http::blocking_pool media_pool_;
    http::blocking_pool upload_pool_;
    http::blocking_pool placement_pool_;
    http::blocking_pool read_pool_;
    http::blocking_pool verify_pool_;
    media::verified_files verified_media_;
    std::shared_ptr<login_cache> known_logins_;  ///< shared with commits not decided yet
    unit_of_work work_;
    keys_in_flight keys_;
    rate_limiter logins_;
    rate_limiter signups_;
    rate_limiter writes_;
    rate_limiter guesses_;
    rate_limiter client_writes_;
};

/// The whole API as routes. `api` must outlive the router.
std::vector<http::route> make_routes(api& api);

/// The answer to an exception that escaped a handler (server_options::translate_exception).
std::optional<http::response> to_response(std::exception_ptr failure);

}  // namespace pinhole::handlers
