// Typed reads, and the one answer to "may this be seen": a row is visible if it and everything it
// hangs under are alive. Deleting a parent flags the parent alone, so children are hidden here, by
// looking their parents up.
//
// A `row_reader` serves one unit of work on one thread; it remembers the users and posts it has
// read, so that a page of rows asks for each parent once.
// Errors: those of kv::reader are thrown through.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/base/error.hpp"
#include "storage/schema/entities.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage {

/// What a write function returns: the operations to commit, and the answer once they are durable.
/// An empty commit means that nothing has to be written.
template <class Value>
struct planned {
    kv::commit commit;
    Value value;
};

/// Decides on the current state whether an edit may happen (If-Match); empty: always.
template <class View>
using precondition = std::function<bool(const View&)>;

/// Whose eyes a reader has: staff may ask for what is deleted too.
enum class sight : std::uint8_t { alive, with_deleted };

class row_reader {
public:
    explicit row_reader(const kv::reader& reader, sight sees = sight::alive)
        : reader_(reader), sees_(sees) {}

    const kv::reader& raw() const { return reader_; }
    sight sees() const { return sees_; }
    bool sees_deleted() const { return sees_ == sight::with_deleted; }

    template <class Row>
    std::optional<stored<Row>> find(entity_id id) const {
        auto found = reader_.get(row_key<Row>(id));
        if (!found) {
            return std::nullopt;
        }
        return stored<Row>{decode_row<Row>(found->value), found->stamp};
    }

    template <class Row>
    std::vector<std::optional<stored<Row>>> find_many(std::span<const entity_id> ids) const {
        std::vector<kv::key> keys;
        keys.reserve(ids.size());
        for (const entity_id id : ids) {
            keys.push_back(row_key<Row>(id));
        }
        std::vector<std::optional<stored<Row>>> rows;
        rows.reserve(ids.size());
        for (const auto& found : reader_.multi_get(keys)) {
            rows.push_back(
                found ? std::optional{stored<Row>{decode_row<Row>(found->value), found->stamp}}
                      : std::nullopt);
        }
        return rows;
    }

    std::optional<unique_entry> find_unique(const kv::key& key) const;

    /// The user, if alive (or deleted, if that is seen); remembered.
    const stored<user>* alive_user(entity_id id);
    /// The post, if it and its author are alive (or deleted, if that is seen, or the post shown);
    /// remembered.
    const stored<post>* visible_post(entity_id id);

    /// From here on this post, deleted as it may be, is seen as if it were alive; one at a time.
    void show(entity_id post) { shown_ = post; }

    /// Who wrote a post, visible or not; nothing if there is no such post. Remembered.
    std::optional<entity_id> author_of(entity_id post);

    /// Bounds what a long walk remembers; pointers given out before end here.
    void forget_beyond(std::size_t remembered_max);

    /// Reads those not remembered yet, in one batch each.
    void load_users(std::span<const entity_id> ids);
    void load_posts(std::span<const entity_id> ids);

private:
    const kv::reader& reader_;
    sight sees_;
    entity_id shown_ = 0;
    std::unordered_map<entity_id, std::optional<stored<user>>> users_;
    std::unordered_map<entity_id, std::optional<stored<post>>> posts_;
};

kv::key post_counts_key(entity_id post);
kv::key user_post_count_key(entity_id user);
/// Adds to the counts; `delta` in units of `one_like` and `one_comment`.
void append_post_counts(kv::commit& commit, entity_id post, std::int64_t delta);
void append_user_post_count(kv::commit& commit, entity_id user, std::int64_t delta);

kv::key like_unique_key(entity_id post, entity_id user);
kv::key username_unique_key(std::string_view username);
kv::key file_url_unique_key(std::string_view url);

user_brief brief_of(const user& row);

/// Joins posts with their authors, counts and the viewer's likes, in batched reads.
/// Requires: every author was found alive through `rows`.
std::vector<post_view> to_post_views(row_reader& rows, entity_id viewer, std::vector<post> posts);
post_view to_post_view(row_reader& rows, entity_id viewer, post row);

std::unexpected<error> not_found(std::string_view what);
std::unexpected<error> not_yours(std::string_view what);
std::unexpected<error> version_differs();

}  // namespace pinhole::storage
