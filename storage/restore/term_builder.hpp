// The terms of a dump's rows, by which their texts are found, on their way into a new database:
// most of all entries there are, and nothing waits for them. Threads of their own take the rows
// apart and write what is sorted: the terms of users and posts while comments come, those of
// comments while likes come, and so on.
//
// For one thread at a time. Blocks: on the disk, and while others lag behind; its destructor, until
// they have noticed, within a moment. Errors: kv::storage_failure, std::system_error, perhaps only
// by a later call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <filesystem>
#include <future>
#include <memory>
#include <variant>

#include "storage/base/batch_queue.hpp"
#include "storage/dump/posting_sorter.hpp"
#include "storage/kv/bulk_loader.hpp"
#include "storage/schema/entities.hpp"

namespace pinhole::storage {

class term_builder {
public:
    /// The loader outlives it; its family `terms` is this one's alone. Temporary files, without
    /// names, are made in `scratch`.
    term_builder(kv::bulk_loader& loader, std::filesystem::path scratch, std::size_t memory_bytes);
    ~term_builder();
    term_builder(const term_builder&) = delete;
    term_builder& operator=(const term_builder&) = delete;

    /// Requires: all users before all posts, and those before all comments.
    void take(user row) { rows_.push(std::move(row)); }
    void take(post row) { rows_.push(std::move(row)); }
    void take(comment row) { rows_.push(std::move(row)); }

    /// No more rows come. May be called again.
    void end();
    /// Whether all is written by then. Requires: `end`.
    bool wait_for(std::chrono::milliseconds time);

private:
    using row = std::variant<user, post, comment>;

    std::unique_ptr<dump::posting_sorter> make_sorter() const;
    template <class Row>
    void add_terms(const Row& row);
    void write_on(bool are_last);
    void write(dump::posting_sorter& sorter, bool are_last);

    kv::bulk_loader& loader_;
    std::filesystem::path scratch_;
    std::size_t memory_bytes_;
    bool is_ended_ = false;
    // Of the thread that takes rows apart, until the end.
    std::unique_ptr<dump::posting_sorter> sorter_;
    bool are_first_written_ = false;
    std::atomic<bool> is_ending_ = false;
    // Last: they end before the rest is gone.
    std::future<void> written_;
    batch_queue<row> rows_;
};

}  // namespace pinhole::storage
