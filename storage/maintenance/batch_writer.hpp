// Writes much that belongs together, in commits of bounded size, for a database that nobody else
// writes to. For one thread. Blocks: on the disk.
#pragma once

#include <cstddef>
#include <utility>

#include "storage/kv/store.hpp"

namespace pinhole::storage {

/// Collects operations and commits them, many at a time.
class batch_writer {
public:
    explicit batch_writer(kv::store& store) : store_(store) {}

    kv::commit& commit() { return commit_; }
    void flush_beyond(std::size_t operations) {
        if (commit_.operations.size() <= operations) {
            return;
        }
        if (store_.submit_and_wait(std::exchange(commit_, {})) != kv::outcome::ok) {
            throw kv::storage_failure{
                "index entries cannot be written: is the disk full? They are made at the next "
                "start"};
        }
    }

private:
    kv::store& store_;
    kv::commit commit_;
};

}  // namespace pinhole::storage
