#include "storage/likes.hpp"

namespace pinhole::storage {

namespace {

std::optional<stored<like>> find_like(const row_reader& rows, entity_id post, entity_id who) {
    const auto entry = rows.find_unique(like_unique_key(post, who));
    return entry ? rows.find<like>(entry->id) : std::nullopt;
}

}  // namespace

result<planned<like_result>> plan_like(const kv::reader& reader, like row) {
    row_reader rows{reader};
    const auto* parent = rows.visible_post(row.post.id);
    if (parent == nullptr) {
        return not_found("post");
    }
    const auto* account = rows.alive_user(row.user.id);
    if (account == nullptr) {
        return fail(error_code::unauthenticated, "The account no longer exists.");
    }
    const user_brief person = brief_of(account->row);
    const auto existing = find_like(rows, row.post.id, row.user.id);
    if (existing && !existing->row.is_deleted) {
        return planned<like_result>{.commit = {}, .value = {{existing->row, person}, false}};
    }
    kv::commit commit;
    append_check(commit, *account);
    append_check(commit, *parent);
    if (existing) {
        const timestamp at = row.updated_at;
        row = existing->row;
        row.is_deleted = false;
        row.is_counted = true;
        row.updated_at = later_than(row.updated_at, at);
        append_update(commit, *existing, row);
    } else {
        row.is_counted = true;
        append_create(commit, row);
    }
    append_post_counts(commit, row.post.id, one_like);
    return planned<like_result>{.commit = std::move(commit), .value = {{row, person}, true}};
}

result<planned<bool>> plan_unlike(const kv::reader& reader, entity_id who, entity_id post,
                                  timestamp at, const precondition<like_view>& may) {
    row_reader rows{reader};
    if (rows.visible_post(post) == nullptr) {
        return not_found("post");
    }
    const auto* account = rows.alive_user(who);
    if (account == nullptr) {
        return fail(error_code::unauthenticated, "The account no longer exists.");
    }
    planned<bool> plan{.commit = {}, .value = false};
    const auto existing = find_like(rows, post, who);
    const bool is_there = existing && !existing->row.is_deleted;
    if (may && (!is_there || !may({existing->row, brief_of(account->row)}))) {
        return version_differs();
    }
    if (!is_there) {
        return plan;
    }
    like row = existing->row;
    row.is_deleted = true;
    row.is_counted = false;
    row.updated_at = later_than(row.updated_at, at);
    append_update(plan.commit, *existing, row);
    if (existing->row.is_counted) {
        append_post_counts(plan.commit, post, -one_like);
    }
    plan.value = true;
    return plan;
}

result<like_view> get_like(const kv::reader& reader, entity_id id) {
    row_reader rows{reader};
    const auto found = rows.find<like>(id);
    const auto* account =
        found && !found->row.is_deleted ? rows.alive_user(found->row.user.id) : nullptr;
    if (account == nullptr || rows.visible_post(found->row.post.id) == nullptr) {
        return not_found("like");
    }
    return like_view{found->row, brief_of(account->row)};
}

}  // namespace pinhole::storage
