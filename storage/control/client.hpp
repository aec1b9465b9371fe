// One connection to the control socket of a running server, for requests one after another.
// Thread-safe: threads take turns. Blocks: until the server answers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "storage/base/unique_fd.hpp"
#include "storage/control/wire.hpp"

namespace pinhole::storage::control {

/// There is a server, but not one that can be worked with: the message says why.
struct server_unusable : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class client {
public:
    /// Null if no server listens there.
    /// Errors: throws server_unusable: another version, not allowed, busy, or it does not answer.
    static std::shared_ptr<client> connect(const std::filesystem::path& data_dir,
                                           std::int64_t schema_version);

    explicit client(unique_fd socket) : socket_(std::move(socket)) {}

    /// The answer's fields. Requires: a frame that is not too long.
    /// Errors: throws kv::storage_failure if the server says so, or is gone; server_unusable if it
    /// refuses.
    std::string ask(const frame_writer& request);

    /// Whether the server has gone, as far as is known.
    bool is_lost() const;

private:
    unique_fd socket_;
    mutable std::mutex mutex_;
    bool is_lost_ = false;
};

frame_writer make_request(request what);

}  // namespace pinhole::storage::control
