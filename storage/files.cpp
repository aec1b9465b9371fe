#include "storage/files.hpp"

#include "storage/jobs.hpp"

namespace pinhole::storage {

namespace {

constexpr std::string_view what = "file";

std::optional<stored<file>> find_visible(row_reader& rows, entity_id id) {
    auto found = rows.find<file>(id);
    if (!found || found->row.is_deleted || rows.visible_post(found->row.post.id) == nullptr) {
        return std::nullopt;
    }
    return found;
}

}  // namespace

result<file_view> get_file(const kv::reader& reader, entity_id id) {
    row_reader rows{reader};
    auto found = find_visible(rows, id);
    if (!found) {
        return not_found(what);
    }
    return file_view{std::move(found->row)};
}

result<file> find_media(const kv::reader& reader, std::string_view url) {
    row_reader rows{reader};
    const auto entry = rows.find_unique(file_url_unique_key(url));
    auto found = entry && entry->alive ? find_visible(rows, entry->id) : std::nullopt;
    if (!found) {
        return not_found(what);
    }
    return std::move(found->row);
}

bool has_media_row(const kv::reader& reader, std::string_view url) {
    return row_reader{reader}.find_unique(file_url_unique_key(url)).has_value();
}

result<planned<file>> plan_delete_file(const kv::reader& reader, entity_id editor, entity_id id,
                                       timestamp at, const precondition<file_view>& may) {
    row_reader rows{reader};
    const auto found = find_visible(rows, id);
    if (!found) {
        return not_found(what);
    }
    const stored<post>& parent = *rows.visible_post(found->row.post.id);
    if (parent.row.author.id != editor) {
        return not_yours(what);
    }
    if (may && !may(file_view{found->row})) {
        return version_differs();
    }
    if (parent.row.files.size() <= 1) {
        return fail(error_code::conflict, "This is the post's last file; delete the post instead.");
    }
    file row = found->row;
    row.is_deleted = true;
    row.updated_at = later_than(row.updated_at, at);
    post owner = parent.row;
    std::erase_if(owner.files, [id](const file& attached) { return attached.id == id; });
    owner.updated_at = later_than(owner.updated_at, at);

    planned<file> plan{.commit = {}, .value = row};
    append_update(plan.commit, *found, row);
    append_update(plan.commit, parent, owner);
    append_job(plan.commit, {job_kind::place_post_media, owner.id});
    return plan;
}

}  // namespace pinhole::storage
