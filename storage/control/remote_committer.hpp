// Sends commits to a running server: queues them, sends what waits together, so that they share a
// sync there, and completes them. See remote_store.hpp for what becomes of them.
//
// Thread-safety: submit, from any thread. Blocks: submit never; the destructor until what is queued
// is finished.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "storage/control/client.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::storage::control {

class remote_committer {
public:
    explicit remote_committer(std::shared_ptr<client> server);
    remote_committer(const remote_committer&) = delete;
    remote_committer& operator=(const remote_committer&) = delete;
    ~remote_committer();

    void submit(const kv::commit& commit, kv::store::completion done);

private:
    struct waiting {
        std::string encoded;
        std::size_t operations = 0;
        kv::store::completion done;
    };

    void run();
    /// As many as one frame may carry; none when the end has come and nothing is queued.
    std::optional<std::vector<waiting>> take_waiting();
    std::vector<kv::outcome> send(const std::vector<waiting>& group);

    std::shared_ptr<client> server_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<waiting> queue_;
    std::size_t queue_bytes_ = 0;
    bool stopping_ = false;
    std::thread thread_;  ///< last: starts when everything else is there
};

}  // namespace pinhole::storage::control
