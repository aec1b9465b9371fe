// The server's end of the control socket: lets pinhole-admin work on the database that this process
// has open, as RocksDB has one process at a time. What may be asked is in wire.hpp.
//
// Listens on DIR/control.sock, for the user that runs this process and root alone. A connection is
// served by a thread of its own, one request after the other, so that memory is bounded by the
// connections and the length of a frame. Whatever a connection has (snapshots, checkpoints, holds)
// goes with it. A frame that is not understood ends its connection and nothing else.
//
// Thread-safety: made and destroyed by the owner. Blocks: the destructor until what runs has ended.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <thread>

#include "storage/base/id.hpp"
#include "storage/base/time.hpp"
#include "storage/base/unique_fd.hpp"
#include "storage/kv/log.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage::control {

/// Below the data directory: checkpoints that connections have asked for.
inline constexpr std::string_view checkpoints_name = "checkpoints";

/// Called with a commit before it is submitted; what it returns (if anything) is called on the
/// store's thread once the commit may have happened, before that is said to anybody.
using commit_watcher = std::function<std::function<void()>(const kv::commit&)>;

struct service_options {
    std::filesystem::path data_dir;
    kv::store* store = nullptr;
    std::span<const kv::family_spec> families;
    std::int64_t schema_version = 0;
    kv::log_function log = [](kv::log_level, std::string_view) {};
    commit_watcher watch_commit = [](const kv::commit&) { return std::function<void()>{}; };
    /// What this server cannot do is left empty.
    std::function<std::optional<dated_id>()> make_id = {};
    /// Into a directory that is not there yet. Returns the instant that it shows.
    std::function<timestamp(const std::filesystem::path&)> make_checkpoint = {};
    /// Nothing is purged while what it returns lives.
    std::function<std::shared_ptr<void>()> hold_purge = {};

    std::size_t connections_max = 16;
};

class service {
public:
    /// Removes what connections of an earlier life have left. Errors: std::system_error.
    explicit service(service_options options);
    service(const service&) = delete;
    service& operator=(const service&) = delete;
    ~service();

private:
    struct connection;

    void accept_connections();
    void take(unique_fd socket);
    void serve(connection& served);

    service_options options_;
    uid_t user_;
    unique_fd stopping_;  ///< readable once this ends
    unique_fd listening_;
    std::list<connection> connections_;  ///< of the accepting thread
    std::jthread accepting_;
};

/// Removes the checkpoints that an earlier life has left. Errors: std::filesystem_error.
void sweep_checkpoints(const std::filesystem::path& data_dir);

}  // namespace pinhole::storage::control
