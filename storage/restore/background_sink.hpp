// Lets a builder take rows on a thread of its own, so that a dump is read and checked on one core
// while a database is built of it on another.
//
// Rows are queued (batch_queue.hpp); everything else waits until the queue is empty and then
// happens on the caller's thread, as `drain` says. Of a post's files only the copies in its row get
// there: the builder asks for no more.
//
// For one thread, besides its own. Errors: what the builder throws is thrown by the next call.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "storage/dump/row_sink.hpp"
#include "storage/restore/batch_queue.hpp"
#include "storage/restore/row_builder.hpp"

namespace pinhole::storage {

class background_sink final : public dump::row_sink {
public:
    /// Requires: `inner` outlives it.
    explicit background_sink(row_builder& inner);

    void take(dump::located<user> row) override;
    void take(dump::located<file> row) override;
    void take(dump::located<comment> row) override;
    void take(dump::located<like> row) override;
    void take(dump::located<post> row, std::span<const dump::located<file>> files) override;
    void begin_medium(const std::string& media_path) override;
    void append_medium(std::span<const char> bytes) override;
    void end_medium() override;
    void end_rows(std::span<const dump::known_user> users,
                  std::span<const dump::known_post> posts) override;
    void take_unique(std::string_view physical_key, entity_id id, bool alive) override;
    void take_place(const dump::file_place& place) override;

    /// Until all rows so far are taken.
    void drain() { queue_.drain(); }

private:
    using item = std::variant<dump::located<user>, dump::located<file>, dump::located<comment>,
                              dump::located<like>, dump::located<post>>;

    void hand_over(item& next);

    row_builder& inner_;
    batch_queue<item> queue_;
};

}  // namespace pinhole::storage
