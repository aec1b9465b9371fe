// Pages of rows in the default order, newest first, with exact filters on references. Each list
// walks one index; what the index does not decide, a deleted parent, is decided row by row. What
// hangs under something deleted stays where it is, so a walk may meet any number of rows that are
// not to be seen: a page ends early, with the way on, when the walk has used up its budget.
//
// A page is read inside one unit of work. A position is the index key next to which a page begins;
// it stays right whatever is inserted or deleted meanwhile. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/visibility.hpp"

namespace pinhole::storage {

enum class direction : std::uint8_t { next, previous };

struct position {
    storage::direction direction = direction::next;
    /// The index key of the row that the page lies beyond; empty: the page begins at the list's
    /// end.
    std::string key;
};

struct page_request {
    std::uint32_t size = 20;
    std::optional<position> from = {};
    /// Rows that one page looks at; at least `size`.
    std::uint64_t rows_read_max = 100'000;
};

/// May hold fewer rows than asked for, even none, and still have a `next`.
template <class View>
struct page {
    std::vector<View> results;
    std::optional<position> next;
    std::optional<position> previous;
};

struct post_filter {
    std::optional<entity_id> author;
    bool is_deleted = false;          ///< requires: `author` is set, and is the viewer
    timestamp restorable_since = {};  ///< deleted posts: those deleted no earlier
};
struct file_filter {
    std::optional<entity_id> post;
};
struct comment_filter {
    std::optional<entity_id> post;
    std::optional<entity_id> author;
};
struct like_filter {
    std::optional<entity_id> post;
    std::optional<entity_id> user;
};

page<user_view> list_users(const kv::reader& reader, const page_request& request);
page<post_view> list_posts(const kv::reader& reader, entity_id viewer, const post_filter& filter,
                           const page_request& request);
page<file_view> list_files(const kv::reader& reader, const file_filter& filter,
                           const page_request& request);
page<comment_view> list_comments(const kv::reader& reader, const comment_filter& filter,
                                 const page_request& request);
page<like_view> list_likes(const kv::reader& reader, const like_filter& filter,
                           const page_request& request);

}  // namespace pinhole::storage
