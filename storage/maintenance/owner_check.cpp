#include "storage/maintenance/owner_check.hpp"

#include <algorithm>

#include "storage/visibility.hpp"

namespace pinhole::storage {

namespace {

/// Users or posts that a second walk remembers at a time.
constexpr std::uint64_t owners_per_walk = 100'000;

std::string to_text(std::int64_t counter) {
    const post_counts counts = unpack_post_counts(counter);
    return std::to_string(counts.likes) + " likes and " + std::to_string(counts.comments) +
           " comments";
}

std::uint64_t hash_of_copy(const file& row) {
    return hash_of(encode_row(row));
}

}  // namespace

/// What there is of a post under which something may be wrong.
struct owner_check::post_facts {
    std::int64_t counter = 0;
    std::int64_t counted = 0;
    std::vector<file> files;
};

void owner_check::add_row(const post& row) {
    if (!row.is_deleted) {
        const std::uint64_t author = hash_of(row.author.id);
        user_counts_.add_due(author, author);
    }
    const std::uint64_t where = hash_of(row.id);
    for (const file& copy : row.files) {
        files_.add_seen(where, spread_bits(where ^ hash_of_copy(copy)));
    }
    if (!std::ranges::is_sorted(row.files, {}, &file::position)) {
        files_.add_seen(where, 1);
    }
}

void owner_check::add_row(const file& row) {
    if (!row.is_deleted) {
        const std::uint64_t where = hash_of(row.post.id);
        files_.add_due(where, spread_bits(where ^ hash_of_copy(row)));
    }
}

void owner_check::add_post_counter(entity_id post, std::int64_t counter) {
    const std::uint64_t where = hash_of(post);
    post_counts_.add_seen(where, where * static_cast<std::uint64_t>(counter));
}

void owner_check::add_user_counter(entity_id user, std::int64_t counter) {
    const std::uint64_t where = hash_of(user);
    user_counts_.add_seen(where, where * static_cast<std::uint64_t>(counter));
}

void owner_check::add_damaged(kv::family_id family) {
    posts_unknown_ = posts_unknown_ || family == families::posts;
    counts_unknown_ = counts_unknown_ || family == families::likes || family == families::comments;
    files_unknown_ = files_unknown_ || family == families::files;
}

template <class Differs, class Function>
void owner_check::for_each_group(kv::family_id family, const Differs& differs,
                                 const Function& function) {
    const std::uint64_t rows = reader_.approximate_rows(family);
    std::vector<bool> group(bucket_sums::buckets, false);
    std::uint64_t in_group = 0;
    for (std::size_t bucket = 0; bucket < bucket_sums::buckets; ++bucket) {
        if (differs(bucket)) {
            group[bucket] = true;
            in_group += rows / bucket_sums::buckets + 1;
        }
        const bool is_last = bucket + 1 == bucket_sums::buckets;
        if (in_group > owners_per_walk || (is_last && in_group > 0)) {
            function(group);
            group.assign(bucket_sums::buckets, false);
            in_group = 0;
        }
    }
}

void owner_check::find_differences() {
    if (!posts_unknown_ && user_counts_.differs()) {
        find_wrong_users();
    }
    if (looks_at_counts() || looks_at_files()) {
        find_wrong_posts();
    }
}

void owner_check::find_wrong_users() {
    const auto differs = [this](std::size_t bucket) { return user_counts_.bucket_differs(bucket); };
    for_each_group(families::users, differs, [this](const std::vector<bool>& group) {
        watch_.advance({.phase = "counts of posts"});
        std::unordered_map<entity_id, std::int64_t> counted;
        walk_rows<post>(reader_, [&](const stored<post>& found) {
            const entity_id author = found.row.author.id;
            if (!found.row.is_deleted && group[bucket_sums::bucket_of(hash_of(author))]) {
                ++counted[author];
            }
        });
        walk_rows<user>(reader_, [&](const stored<user>& found) {
            const entity_id id = found.row.id;
            if (!group[bucket_sums::bucket_of(hash_of(id))]) {
                return;
            }
            const std::int64_t counter = reader_.counter(user_post_count_key(id));
            if (counter != counted[id]) {
                report_({.kind = finding_kind::wrong_counter,
                         .entity = schema<user>::name,
                         .id = id,
                         .key = user_post_count_key(id),
                         .message = name_of<user>(id) + ": its post count is " +
                                    std::to_string(counter) + ", but it has " +
                                    std::to_string(counted[id])});
            }
        });
    });
}

void owner_check::find_wrong_posts() {
    const auto differs = [this](std::size_t bucket) {
        return (looks_at_counts() && post_counts_.bucket_differs(bucket)) ||
               (looks_at_files() && files_.bucket_differs(bucket));
    };
    for_each_group(families::posts, differs,
                   [this](const std::vector<bool>& group) { look_at(group); });
}

void owner_check::look_at(const std::vector<bool>& buckets) {
    watch_.advance({.phase = "what posts say of themselves"});
    const auto is_wanted = [&](entity_id post) {
        return buckets[bucket_sums::bucket_of(hash_of(post))];
    };
    post_map facts;
    const auto count = [&](const auto& found) {
        if (found.row.is_counted && is_wanted(found.row.post.id)) {
            facts[found.row.post.id].counted += unit_of(found.row);
        }
    };
    walk_rows<comment>(reader_, count);
    walk_rows<like>(reader_, count);
    walk_rows<file>(reader_, [&](const stored<file>& found) {
        if (!found.row.is_deleted && is_wanted(found.row.post.id)) {
            facts[found.row.post.id].files.push_back(found.row);
        }
    });
    walk_rows<post>(reader_, [&](const stored<post>& found) {
        if (is_wanted(found.row.id)) {
            auto& each = facts[found.row.id];
            each.counter = reader_.counter(post_counts_key(found.row.id));
            judge(found.row, each);
        }
    });
}

void owner_check::judge(const post& row, const post_facts& facts) {
    const std::string name = name_of<post>(row.id);
    if (!counts_unknown_ && facts.counter != facts.counted) {
        report_({.kind = finding_kind::wrong_counter,
                 .entity = schema<post>::name,
                 .id = row.id,
                 .key = post_counts_key(row.id),
                 .message = name + ": its counts are " + to_text(facts.counter) + ", but it has " +
                            to_text(facts.counted)});
    }
    std::vector<file> files = facts.files;
    std::ranges::sort(files, {}, &file::position);
    const bool is_same =
        std::ranges::equal(row.files, files, {}, encode_row<file>, encode_row<file>);
    // Of a copy whose row is gone the check of the post says so.
    const bool is_known = std::ranges::all_of(row.files, [this](const file& copy) {
        return reader_.get(row_key<file>(copy.id)).has_value();
    });
    if (!files_unknown_ && is_known && !is_same) {
        report_({.kind = finding_kind::wrong_files,
                 .entity = schema<post>::name,
                 .id = row.id,
                 .message = name + ": its copy of its files is not what they are"});
    }
}

}  // namespace pinhole::storage
