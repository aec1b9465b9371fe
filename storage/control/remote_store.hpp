// The store of a running server, reached through its control socket: what pinhole-admin works with
// while a server has the database open. It behaves as the server's own store does, errors included,
// and costs a turn over the socket for each call; long scans come in large pieces.
//
// - Reads block; `read_mode::cached` is taken for `blocking`.
// - If the server ends, reads throw storage_failure, commits under way are `unknown`, later ones
//   `unavailable`, and health is `failed`: there is no way back, make a new one.
// - A commit of more than frame_bytes_max or operations_max (wire.hpp) is `unavailable`.
//
// Thread-safe, as kv::store says.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "storage/base/id.hpp"
#include "storage/control/client.hpp"
#include "storage/kv/statistics.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage::control {

/// A checkpoint that the server has made; it is gone with this.
struct remote_checkpoint {
    std::filesystem::path path;
    timestamp at{};  ///< the instant that it shows
    std::shared_ptr<client> connection;
};

class remote_committer;

class remote_store final : public kv::store, public kv::statistics_source {
public:
    /// Null if no server listens there. Errors: throws server_unusable.
    static std::unique_ptr<remote_store> connect(const std::filesystem::path& data_dir,
                                                 std::int64_t schema_version);
    remote_store(const remote_store&) = delete;
    remote_store& operator=(const remote_store&) = delete;
    /// Finishes what is queued. Requires: every reader is gone.
    ~remote_store() override;

    std::unique_ptr<kv::reader> snapshot(kv::read_mode mode) const override;
    void submit(kv::commit commit, completion done) override;
    kv::health health() const override;
    kv::capabilities capabilities() const override {
        return {.embedded = false, .cached_reads = false};
    }
    kv::store_statistics statistics() const override;

    /// For a new row, dated by the server. Errors: server_unusable, kv::storage_failure.
    dated_id make_id() const;
    /// Errors: as above.
    remote_checkpoint make_checkpoint() const;
    /// Nothing is purged while what it returns lives. Errors: as above.
    std::shared_ptr<void> hold_purge() const;

private:
    remote_store(std::filesystem::path data_dir, std::int64_t schema_version,
                 std::shared_ptr<client> reads, std::shared_ptr<client> commits);
    std::shared_ptr<client> connect_again() const;

    std::filesystem::path data_dir_;
    std::int64_t schema_version_;
    std::shared_ptr<client> reads_;
    std::unique_ptr<remote_committer> committer_;
};

}  // namespace pinhole::storage::control
