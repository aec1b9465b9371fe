// Writes many new rows fast: gathers them into large commits, and keeps several of them under way,
// so that making rows and writing them go on side by side. Of one thread.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "storage/kv/store.hpp"

namespace pinhole::sample {

class bulk_writer {
public:
    explicit bulk_writer(kv::store& store) : store_(store) {}
    bulk_writer(const bulk_writer&) = delete;
    bulk_writer& operator=(const bulk_writer&) = delete;
    /// Waits for what is under way.
    ~bulk_writer() { wait_for(0); }

    /// Where the next row goes.
    kv::commit& commit() { return commit_; }

    /// A row is complete in `commit`. Blocks: while too much is under way.
    /// Errors: throws kv::storage_failure when the store has refused an earlier one.
    void row_done();

    /// Waits until all is written. Errors: as above.
    void finish();

private:
    void submit();
    void wait_for(std::size_t at_most);
    void throw_if_refused();

    kv::store& store_;
    kv::commit commit_;
    std::size_t rows_ = 0;
    std::mutex mutex_;
    std::condition_variable decided_;
    std::size_t under_way_ = 0;
    kv::outcome worst_ = kv::outcome::ok;
};

}  // namespace pinhole::sample
