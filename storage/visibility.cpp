#include "storage/visibility.hpp"

#include <algorithm>
#include <iterator>

namespace pinhole::storage {

namespace {

template <class Row>
void load_missing(const row_reader& rows, std::span<const entity_id> ids,
                  std::unordered_map<entity_id, std::optional<stored<Row>>>& known) {
    std::vector<entity_id> missing;
    std::ranges::copy_if(ids, std::back_inserter(missing),
                         [&](entity_id id) { return !known.contains(id); });
    std::ranges::sort(missing);
    missing.erase(std::ranges::unique(missing).begin(), missing.end());
    if (missing.empty()) {
        return;
    }
    auto found = rows.find_many<Row>(missing);
    for (std::size_t i = 0; i < missing.size(); ++i) {
        known.emplace(missing[i], std::move(found[i]));
    }
}

template <class Row>
const std::optional<stored<Row>>& find_known(
    const row_reader& rows, entity_id id,
    std::unordered_map<entity_id, std::optional<stored<Row>>>& known) {
    const auto at = known.find(id);
    return at != known.end() ? at->second : known.emplace(id, rows.find<Row>(id)).first->second;
}

}  // namespace

std::optional<unique_entry> row_reader::find_unique(const kv::key& key) const {
    const auto found = reader_.get(key);
    return found ? std::optional{decode_unique_entry(found->value)} : std::nullopt;
}

const stored<user>* row_reader::alive_user(entity_id id) {
    const auto& found = find_known(*this, id, users_);
    return found && (!found->row.is_deleted || sees_deleted()) ? &*found : nullptr;
}

const stored<post>* row_reader::visible_post(entity_id id) {
    const auto& found = find_known(*this, id, posts_);
    const bool is_there = found && (!found->row.is_deleted || sees_deleted() || id == shown_);
    return is_there && alive_user(found->row.author.id) != nullptr ? &*found : nullptr;
}

std::optional<entity_id> row_reader::author_of(entity_id post_id) {
    const auto& found = find_known(*this, post_id, posts_);
    return found ? std::optional{found->row.author.id} : std::nullopt;
}

void row_reader::forget_beyond(std::size_t remembered_max) {
    if (users_.size() + posts_.size() > remembered_max) {
        users_.clear();
        posts_.clear();
    }
}

void row_reader::load_users(std::span<const entity_id> ids) {
    load_missing(*this, ids, users_);
}
void row_reader::load_posts(std::span<const entity_id> ids) {
    load_missing(*this, ids, posts_);
}

kv::key post_counts_key(entity_id post) {
    return counter_key<storage::post>(post);
}
kv::key user_post_count_key(entity_id user) {
    return counter_key<storage::user>(user);
}

void append_post_counts(kv::commit& commit, entity_id post, std::int64_t delta) {
    commit.operations.emplace_back(kv::add{post_counts_key(post), delta});
    append_unranked<storage::post>(commit, post);
}

void append_user_post_count(kv::commit& commit, entity_id user, std::int64_t delta) {
    commit.operations.emplace_back(kv::add{user_post_count_key(user), delta});
    append_unranked<storage::user>(commit, user);
}

kv::key like_unique_key(entity_id post, entity_id user) {
    like row;
    row.post.id = post;
    row.user.id = user;
    return unique_key(std::get<unique_position<like>("post_user")>(schema<like>::uniques), row);
}

kv::key username_unique_key(std::string_view username) {
    user row;
    row.username = username;
    return unique_key(std::get<unique_position<user>("username")>(schema<user>::uniques), row);
}

kv::key file_url_unique_key(std::string_view url) {
    file row;
    row.url = url;
    return unique_key(std::get<unique_position<file>("url")>(schema<file>::uniques), row);
}

user_brief brief_of(const user& row) {
    return {row.id, row.username, row.name};
}

std::vector<post_view> to_post_views(row_reader& rows, entity_id viewer, std::vector<post> posts) {
    std::vector<kv::key> count_keys;
    std::vector<kv::key> like_keys;
    for (const post& row : posts) {
        count_keys.push_back(post_counts_key(row.id));
        like_keys.push_back(like_unique_key(row.id, viewer));
    }
    const auto counts = rows.raw().counters(count_keys);
    const auto likes = rows.raw().multi_get(like_keys);

    std::vector<post_view> views;
    views.reserve(posts.size());
    for (std::size_t i = 0; i < posts.size(); ++i) {
        const auto [like_count, comment_count] = unpack_post_counts(counts[i]);
        const user_brief author = brief_of(rows.alive_user(posts[i].author.id)->row);
        views.push_back({.row = std::move(posts[i]),
                         .person = author,
                         .like_count = like_count,
                         .comment_count = comment_count,
                         .liked = likes[i] && decode_unique_entry(likes[i]->value).alive});
    }
    return views;
}

post_view to_post_view(row_reader& rows, entity_id viewer, post row) {
    const auto [like_count, comment_count] =
        unpack_post_counts(rows.raw().counter(post_counts_key(row.id)));
    const auto like = rows.find_unique(like_unique_key(row.id, viewer));
    user_brief author = brief_of(rows.alive_user(row.author.id)->row);
    return {.row = std::move(row),
            .person = std::move(author),
            .like_count = like_count,
            .comment_count = comment_count,
            .liked = like && like->alive};
}

std::unexpected<error> not_found(std::string_view what) {
    return fail(error_code::not_found, "There is no such " + std::string{what} + ".");
}

std::unexpected<error> not_yours(std::string_view what) {
    return fail(error_code::forbidden, "This " + std::string{what} + " is not yours.");
}

std::unexpected<error> version_differs() {
    return fail(error_code::precondition_failed, "It has changed since the version you named.");
}

}  // namespace pinhole::storage
