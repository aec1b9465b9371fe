#include "storage/list.hpp"

#include <algorithm>

namespace pinhole::storage {

namespace {

constexpr std::size_t parents_remembered_max = 4096;
constexpr std::uint32_t batch_rows_max = 1024;

struct index_walk {
    kv::part_id part = global_part;
    std::string prefix;
};

index_walk walk_of(std::uint8_t index, bool alive, kv::part_id part = global_part) {
    return {part, index_prefix(index, alive)};
}

/// The entries of an index whose first value is this reference.
index_walk walk_of(std::uint8_t index, kv::part_id part, entity_id first_value) {
    kv::key_writer first;
    first.append_i64(first_value);
    return {part, index_prefix(index, true) + first.take()};
}

template <class Row>
struct rows_page {
    std::vector<Row> rows;
    std::optional<position> next;
    std::optional<position> previous;
};

template <class Row>
struct walked_row {
    Row row;
    std::string key;
};

/// The page of a walk that stopped at an entry before the page was full: what there is, and the way
/// on from just there.
template <class Row>
rows_page<Row> to_short_page(std::vector<walked_row<Row>> walked, const page_request& request,
                             const std::string& stopped_at) {
    const bool backwards = request.from && request.from->direction == direction::previous;
    const std::string begun_at = walked.empty() ? stopped_at : walked.front().key;
    rows_page<Row> page;
    page.next = position{direction::next, backwards ? begun_at : stopped_at};
    if (request.from) {
        page.previous = position{direction::previous, backwards ? stopped_at : begun_at};
    }
    if (backwards) {
        std::ranges::reverse(walked);
    }
    for (auto& [row, key] : walked) {
        page.rows.push_back(std::move(row));
    }
    return page;
}

/// Turns what was walked, one row more than the page if there is more, into a page newest first.
/// `stopped_at`: the entry at which the walk used up its budget; empty: it did not.
template <class Row>
rows_page<Row> to_page(std::vector<walked_row<Row>> walked, const page_request& request,
                       const std::string& stopped_at) {
    const bool backwards = request.from && request.from->direction == direction::previous;
    if (!stopped_at.empty()) {
        return to_short_page(std::move(walked), request, stopped_at);
    }
    const bool more = walked.size() > request.size;
    if (more) {
        walked.pop_back();
    }
    if (backwards) {
        std::ranges::reverse(walked);
    }
    rows_page<Row> page;
    if (!walked.empty()) {
        // A page walked back from the list's very end has nothing behind it.
        const bool from_an_end = request.from && request.from->key.empty();
        if (more || (backwards && !from_an_end)) {
            page.next = position{direction::next, walked.back().key};
        }
        if (backwards ? more : request.from.has_value() && !from_an_end) {
            page.previous = position{direction::previous, walked.front().key};
        }
    } else if (request.from) {
        // Everything there has gone since; the way back begins at that end of the list, since a
        // page beyond the old place would leave out the row that stood there.
        (backwards ? page.next : page.previous) =
            position{backwards ? direction::next : direction::previous, {}};
    }
    for (auto& [row, key] : walked) {
        page.rows.push_back(std::move(row));
    }
    return page;
}

/// Walks an index until the page is full, keeping the rows that `keep` says are to be seen. `keep`
/// gets each batch at once, so that it can read what it needs in batches too.
template <class Row, class Keep>
rows_page<Row> read_page(row_reader& rows, const index_walk& walk, const page_request& request,
                         const Keep& keep) {
    const direction towards = request.from ? request.from->direction : direction::next;
    std::string beyond = request.from ? request.from->key : std::string{};
    const std::size_t wanted = std::size_t{request.size} + 1;
    std::vector<walked_row<Row>> walked;
    std::uint64_t left = std::max<std::uint64_t>(request.rows_read_max, wanted);
    // Batches grow where much is filtered out, so that a sparse walk is not many small reads.
    auto batch = static_cast<std::uint32_t>(wanted);
    while (left > 0) {
        rows.forget_beyond(parents_remembered_max);
        const auto asked = static_cast<std::uint32_t>(std::min<std::uint64_t>(batch, left));
        const auto entries = scan_index(rows.raw(), {.part = walk.part,
                                                     .prefix = walk.prefix,
                                                     .beyond = beyond,
                                                     .limit = asked,
                                                     .reverse = towards == direction::next});
        auto found = rows.find_many<Row>(ids_of(entries));
        const std::vector<bool> kept = keep(found);
        for (std::size_t i = 0; i < found.size() && walked.size() < wanted; ++i) {
            if (found[i] && kept[i]) {
                walked.push_back({std::move(found[i]->row), entries[i].key});
            }
        }
        if (walked.size() == wanted || entries.size() < asked) {
            return to_page(std::move(walked), request, {});
        }
        left -= entries.size();
        beyond = entries.back().key;
        batch = std::min<std::uint32_t>(batch * 2, batch_rows_max);
    }
    return to_page(std::move(walked), request, beyond);
}

template <class Row, class Keep>
std::vector<bool> keep_each(const std::vector<std::optional<stored<Row>>>& found,
                            const Keep& keep) {
    std::vector<bool> kept;
    kept.reserve(found.size());
    for (const auto& row : found) {
        kept.push_back(row && keep(row->row));
    }
    return kept;
}

/// Reads the posts these rows hang under, and everybody who wrote one or the other, in two batches.
template <class Row, class PersonOf>
void load_parents(row_reader& rows, const std::vector<std::optional<stored<Row>>>& found,
                  const PersonOf& person_of) {
    std::vector<entity_id> posts;
    std::vector<entity_id> people;
    for (const auto& row : found) {
        if (row) {
            posts.push_back(row->row.post.id);
            people.push_back(person_of(row->row));
        }
    }
    rows.load_posts(posts);
    for (const entity_id id : posts) {
        if (const auto author = rows.author_of(id)) {
            people.push_back(*author);
        }
    }
    rows.load_users(people);
}

template <class View, class Row>
page<View> empty_page_like(rows_page<Row>& from) {
    return {.results = {}, .next = std::move(from.next), .previous = std::move(from.previous)};
}

/// A post and a user have one like between them, which a unique entry finds: nothing to walk.
/// Requires: both are to be seen.
page<like_view> the_like_of(row_reader& rows, entity_id post, entity_id who) {
    const auto entry = rows.find_unique(like_unique_key(post, who));
    const auto found = entry && entry->alive ? rows.find<like>(entry->id) : std::nullopt;
    if (!found) {
        return {};
    }
    return {.results = {{found->row, brief_of(rows.alive_user(who)->row)}},
            .next = std::nullopt,
            .previous = std::nullopt};
}

}  // namespace

page<user_view> list_users(const kv::reader& reader, const page_request& request) {
    row_reader rows{reader};
    auto found = read_page<user>(
        rows, walk_of(index_number<user>("newest"), true), request, [](const auto& batch) {
            return keep_each<user>(batch, [](const user& row) { return !row.is_deleted; });
        });
    std::vector<kv::key> keys;
    keys.reserve(found.rows.size());
    for (const user& row : found.rows) {
        keys.push_back(user_post_count_key(row.id));
    }
    const auto counts = reader.counters(keys);
    auto page = empty_page_like<user_view>(found);
    for (std::size_t i = 0; i < counts.size(); ++i) {
        page.results.push_back({std::move(found.rows[i]), counts[i]});
    }
    return page;
}

page<post_view> list_posts(const kv::reader& reader, entity_id viewer, const post_filter& filter,
                           const page_request& request) {
    row_reader rows{reader};
    if (filter.author && rows.alive_user(*filter.author) == nullptr) {
        return {};
    }
    constexpr auto newest = index_number<post>("newest");
    constexpr auto by_author = index_number<post>("author");
    const index_walk walk = filter.author ? walk_of(by_author, !filter.is_deleted, *filter.author)
                                          : walk_of(newest, true);
    auto found = read_page<post>(rows, walk, request, [&](const auto& batch) {
        std::vector<entity_id> authors;
        for (const auto& row : batch) {
            if (row) {
                authors.push_back(row->row.author.id);
            }
        }
        rows.load_users(authors);
        return keep_each<post>(batch, [&](const post& row) {
            return rows.alive_user(row.author.id) != nullptr &&
                   (!row.is_deleted || row.deleted_at >= filter.restorable_since);
        });
    });
    auto page = empty_page_like<post_view>(found);
    page.results = to_post_views(rows, viewer, std::move(found.rows));
    return page;
}

page<file_view> list_files(const kv::reader& reader, const file_filter& filter,
                           const page_request& request) {
    row_reader rows{reader};
    if (filter.post && rows.visible_post(*filter.post) == nullptr) {
        return {};
    }
    constexpr auto newest = index_number<file>("newest");
    constexpr auto by_post = index_number<file>("post");
    const index_walk walk =
        filter.post ? walk_of(by_post, true, *filter.post) : walk_of(newest, true);
    auto found = read_page<file>(rows, walk, request, [&](const auto& batch) {
        std::vector<entity_id> posts;
        for (const auto& row : batch) {
            if (row) {
                posts.push_back(row->row.post.id);
            }
        }
        rows.load_posts(posts);
        return keep_each<file>(
            batch, [&](const file& row) { return rows.visible_post(row.post.id) != nullptr; });
    });
    auto page = empty_page_like<file_view>(found);
    for (file& row : found.rows) {
        page.results.push_back({std::move(row)});
    }
    return page;
}

page<comment_view> list_comments(const kv::reader& reader, const comment_filter& filter,
                                 const page_request& request) {
    row_reader rows{reader};
    if ((filter.post && rows.visible_post(*filter.post) == nullptr) ||
        (filter.author && rows.alive_user(*filter.author) == nullptr)) {
        return {};
    }
    constexpr auto newest = index_number<comment>("newest");
    constexpr auto by_post = index_number<comment>("post");
    constexpr auto by_author = index_number<comment>("author");
    constexpr auto by_post_and_author = index_number<comment>("post_author");
    const index_walk walk = filter.post && filter.author
                                ? walk_of(by_post_and_author, *filter.post, *filter.author)
                            : filter.post   ? walk_of(by_post, true, *filter.post)
                            : filter.author ? walk_of(by_author, true, *filter.author)
                                            : walk_of(newest, true);
    auto found = read_page<comment>(rows, walk, request, [&](const auto& batch) {
        load_parents<comment>(rows, batch, [](const comment& row) { return row.author.id; });
        return keep_each<comment>(batch, [&](const comment& row) {
            return rows.alive_user(row.author.id) != nullptr &&
                   rows.visible_post(row.post.id) != nullptr;
        });
    });
    auto page = empty_page_like<comment_view>(found);
    for (comment& row : found.rows) {
        user_brief author = brief_of(rows.alive_user(row.author.id)->row);
        page.results.push_back({std::move(row), std::move(author)});
    }
    return page;
}

page<like_view> list_likes(const kv::reader& reader, const like_filter& filter,
                           const page_request& request) {
    row_reader rows{reader};
    if ((filter.post && rows.visible_post(*filter.post) == nullptr) ||
        (filter.user && rows.alive_user(*filter.user) == nullptr)) {
        return {};
    }
    if (filter.post && filter.user) {
        return the_like_of(rows, *filter.post, *filter.user);
    }
    constexpr auto newest = index_number<like>("newest");
    constexpr auto by_post = index_number<like>("post");
    constexpr auto by_user = index_number<like>("user");
    const index_walk walk = filter.post   ? walk_of(by_post, true, *filter.post)
                            : filter.user ? walk_of(by_user, true, *filter.user)
                                          : walk_of(newest, true);
    auto found = read_page<like>(rows, walk, request, [&](const auto& batch) {
        load_parents<like>(rows, batch, [](const like& row) { return row.user.id; });
        return keep_each<like>(batch, [&](const like& row) {
            return rows.alive_user(row.user.id) != nullptr &&
                   rows.visible_post(row.post.id) != nullptr;
        });
    });
    auto page = empty_page_like<like_view>(found);
    for (const like& row : found.rows) {
        page.results.push_back({row, brief_of(rows.alive_user(row.user.id)->row)});
    }
    return page;
}

}  // namespace pinhole::storage
