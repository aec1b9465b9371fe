#include "storage/comments.hpp"

namespace pinhole::storage {

namespace {

constexpr std::string_view what = "comment";

struct visible_comment {
    stored<comment> found;
    const stored<post>* parent;
    const stored<user>* author;
};

std::optional<visible_comment> find_visible(row_reader& rows, entity_id id) {
    auto found = rows.find<comment>(id);
    if (!found || found->row.is_deleted) {
        return std::nullopt;
    }
    const auto* parent = rows.visible_post(found->row.post.id);
    const auto* author = rows.alive_user(found->row.author.id);
    if (parent == nullptr || author == nullptr) {
        return std::nullopt;
    }
    return visible_comment{std::move(*found), parent, author};
}

comment_view to_view(const visible_comment& seen, comment row) {
    return {.row = std::move(row), .person = brief_of(seen.author->row)};
}

}  // namespace

result<planned<comment_view>> plan_create_comment(const kv::reader& reader, comment row) {
    row_reader rows{reader};
    const auto* parent = rows.visible_post(row.post.id);
    if (parent == nullptr) {
        return not_found("post");
    }
    const auto* author = rows.alive_user(row.author.id);
    if (author == nullptr) {
        return fail(error_code::unauthenticated, "The account no longer exists.");
    }
    row.is_counted = true;
    planned<comment_view> plan{.commit = {}, .value = {row, brief_of(author->row)}};
    append_check(plan.commit, *author);
    append_check(plan.commit, *parent);
    append_create(plan.commit, row);
    append_post_counts(plan.commit, row.post.id, one_comment);
    return plan;
}

result<comment_view> get_comment(const kv::reader& reader, entity_id id) {
    row_reader rows{reader};
    const auto seen = find_visible(rows, id);
    if (!seen) {
        return not_found(what);
    }
    return to_view(*seen, seen->found.row);
}

result<planned<comment_view>> plan_edit_comment(const kv::reader& reader, entity_id editor,
                                                entity_id id, const std::string& content,
                                                timestamp at,
                                                const precondition<comment_view>& may) {
    row_reader rows{reader};
    const auto seen = find_visible(rows, id);
    if (!seen) {
        return not_found(what);
    }
    if (seen->found.row.author.id != editor) {
        return not_yours(what);
    }
    if (may && !may(to_view(*seen, seen->found.row))) {
        return version_differs();
    }
    comment row = seen->found.row;
    row.content = content;
    row.updated_at = later_than(row.updated_at, at);
    planned<comment_view> plan{.commit = {}, .value = to_view(*seen, row)};
    append_update(plan.commit, seen->found, row);
    return plan;
}

result<planned<bool>> plan_delete_comment(const kv::reader& reader, entity_id editor, entity_id id,
                                          timestamp at, const precondition<comment_view>& may) {
    row_reader rows{reader};
    const auto seen = find_visible(rows, id);
    if (!seen) {
        return not_found(what);
    }
    if (seen->found.row.author.id != editor && seen->parent->row.author.id != editor) {
        return not_yours(what);
    }
    if (may && !may(to_view(*seen, seen->found.row))) {
        return version_differs();
    }
    comment row = seen->found.row;
    row.is_deleted = true;
    row.is_counted = false;
    row.updated_at = later_than(row.updated_at, at);
    planned<bool> plan{.commit = {}, .value = true};
    append_update(plan.commit, seen->found, row);
    if (seen->found.row.is_counted) {
        append_post_counts(plan.commit, row.post.id, -one_comment);
    }
    return plan;
}

}  // namespace pinhole::storage
