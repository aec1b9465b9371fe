#include "storage/posts.hpp"

#include <cassert>

#include "storage/jobs.hpp"

namespace pinhole::storage {

namespace {

constexpr std::string_view what = "post";

/// The visible post, if `editor` wrote it and `may` agrees with its current state.
result<stored<post>> find_editable(row_reader& rows, entity_id editor, entity_id id,
                                   const precondition<post_view>& may) {
    const auto* found = rows.visible_post(id);
    if (found == nullptr) {
        return not_found(what);
    }
    if (found->row.author.id != editor) {
        return not_yours(what);
    }
    if (may && !may(to_post_view(rows, editor, found->row))) {
        return version_differs();
    }
    return *found;
}

}  // namespace

result<planned<post_view>> plan_create_post(const kv::reader& reader, const post& row) {
    assert(!row.files.empty() && row.files.size() <= files_per_post_max);
    row_reader rows{reader};
    const auto* author = rows.alive_user(row.author.id);
    if (author == nullptr) {
        return fail(error_code::unauthenticated, "The account no longer exists.");
    }
    planned<post_view> plan{.commit = {}, .value = {.row = row, .person = brief_of(author->row)}};
    append_check(plan.commit, *author);
    append_create(plan.commit, row);
    for (const file& attached : row.files) {
        append_create(plan.commit, attached);
    }
    append_user_post_count(plan.commit, row.author.id, 1);
    return plan;
}

result<post_view> get_post(const kv::reader& reader, entity_id viewer, entity_id id) {
    row_reader rows{reader};
    const auto* found = rows.visible_post(id);
    if (found == nullptr) {
        return not_found(what);
    }
    return to_post_view(rows, viewer, found->row);
}

result<planned<post_view>> plan_edit_post(const kv::reader& reader, entity_id editor, entity_id id,
                                          const std::string& content, timestamp at,
                                          const precondition<post_view>& may) {
    row_reader rows{reader};
    const auto found = find_editable(rows, editor, id, may);
    if (!found) {
        return std::unexpected{found.error()};
    }
    post row = found->row;
    row.content = content;
    row.updated_at = later_than(row.updated_at, at);
    planned<post_view> plan{.commit = {}, .value = to_post_view(rows, editor, row)};
    append_update(plan.commit, *found, row);
    return plan;
}

result<planned<bool>> plan_delete_post(const kv::reader& reader, entity_id editor, entity_id id,
                                       timestamp at, const precondition<post_view>& may) {
    row_reader rows{reader};
    const auto found = find_editable(rows, editor, id, may);
    if (!found) {
        return std::unexpected{found.error()};
    }
    post row = found->row;
    row.is_deleted = true;
    row.updated_at = later_than(row.updated_at, at);
    row.deleted_at = row.updated_at;  // a clock that is behind does not shorten the retention
    planned<bool> plan{.commit = {}, .value = true};
    append_update(plan.commit, *found, row);
    append_job(plan.commit, {job_kind::place_post_media, id});
    append_user_post_count(plan.commit, editor, -1);
    return plan;
}

result<planned<post_view>> plan_restore_post(const kv::reader& reader, entity_id editor,
                                             entity_id id, timestamp at,
                                             std::chrono::seconds retention) {
    row_reader rows{reader};
    const auto found = rows.find<post>(id);
    if (!found || rows.alive_user(found->row.author.id) == nullptr) {
        return not_found(what);
    }
    const bool is_mine = found->row.author.id == editor;
    if (!found->row.is_deleted) {
        return is_mine ? result<planned<post_view>>{planned<post_view>{
                             .commit = {}, .value = to_post_view(rows, editor, found->row)}}
                       : not_yours(what);
    }
    if (!is_mine || found->row.deleted_at + retention < at) {
        return not_found(what);
    }
    post row = found->row;
    row.is_deleted = false;
    row.deleted_at = {};
    row.updated_at = later_than(row.updated_at, at);
    planned<post_view> plan{.commit = {}, .value = to_post_view(rows, editor, row)};
    append_update(plan.commit, *found, row);
    append_job(plan.commit, {job_kind::place_post_media, id});
    append_user_post_count(plan.commit, editor, 1);
    return plan;
}

}  // namespace pinhole::storage
