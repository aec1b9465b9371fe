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

class row_reader {
public:
    explicit row_reader(const kv::reader& reader) : reader_(reader) {}

    const kv::reader& raw() const { return reader_; }

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

    /// The user, if alive; remembered.
    const stored<user>* alive_user(entity_id id);
    /// The post, if it and its author are alive; remembered.
    const stored<post>* visible_post(entity_id id);

    /// Who wrote a post, visible or not; nothing if there is no such post. Remembered.
    std::optional<entity_id> author_of(entity_id post);

    /// Bounds what a long walk remembers; pointers given out before end here.
    void forget_beyond(std::size_t remembered_max);

    /// Reads those not remembered yet, in one batch each.
    void load_users(std::span<const entity_id> ids);
    void load_posts(std::span<const entity_id> ids);

private:
    const kv::reader& reader_;
    std::unordered_map<entity_id, std::optional<stored<user>>> users_;
    std::unordered_map<entity_id, std::optional<stored<post>>> posts_;
};

/// Both counters of a post lie in one value, packed, so that a post's counts are one read:
/// likes in the low 32 bits, comments above. Sums of deltas stay exact, since neither half is ever
/// negative.
struct post_counts {
    std::int64_t likes = 0;
    std::int64_t comments = 0;
};
inline constexpr std::int64_t one_like = 1;
inline constexpr std::int64_t one_comment = std::int64_t{1} << 32;
constexpr post_counts unpack_post_counts(std::int64_t packed) {
    return {packed & 0xFFFF'FFFF, packed >> 32};
}
kv::key post_counts_key(entity_id post);
kv::key user_post_count_key(entity_id user);

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
