#include "storage/maintenance/media_facts.hpp"

#include "storage/maintenance/row_walk.hpp"
#include "storage/media/media_path.hpp"

namespace pinhole::storage {

namespace {

constexpr std::string_view url_prefix = "/media/";

}  // namespace

std::optional<std::string> media_path_of(const file& row) {
    if (!row.url.starts_with(url_prefix)) {
        return std::nullopt;
    }
    std::string path = row.url.substr(url_prefix.size());
    return media::is_media_path(path) ? std::optional{std::move(path)} : std::nullopt;
}

std::optional<media_facts> read_media_facts(const kv::reader& reader, entity_id id) {
    auto found = look_up<file>(reader, id);
    const auto path = found.is_sound() ? media_path_of(found.row) : std::nullopt;
    if (!path) {
        return std::nullopt;
    }
    const auto owner = look_up<post>(reader, found.row.post.id);
    const auto author =
        owner.is_sound() ? look_up<user>(reader, owner.row.author.id) : looked_up<user>{};
    if (!author.is_sound()) {
        return std::nullopt;
    }
    const bool is_moving =
        find_job(reader, {job_kind::place_post_media, owner.row.id}).has_value() ||
        find_job(reader, {job_kind::place_account_media, author.row.id}).has_value();
    const bool is_visible =
        !found.row.is_deleted && !owner.row.is_deleted && !author.row.is_deleted;
    return media_facts{.row = std::move(found.row),
                       .media_path = *path,
                       .is_visible = is_visible,
                       .is_moving = is_moving,
                       .file_stamp = found.stamp,
                       .post_stamp = owner.stamp,
                       .author_stamp = author.stamp};
}

std::optional<media_problem> find_media_problem(const media::media_trees& trees, const file& row,
                                                const std::string& media_path, bool is_visible,
                                                bool hash) {
    using media::tree_kind;
    const tree_kind right = is_visible ? tree_kind::visible : tree_kind::hidden;
    const tree_kind wrong = is_visible ? tree_kind::hidden : tree_kind::visible;
    const std::string path = media::to_path(right, media_path);
    const auto there = trees.find(right, media_path);
    const auto elsewhere = trees.find(wrong, media_path);
    if (there && elsewhere) {
        return media_problem{finding_kind::both_trees, media::to_path(wrong, media_path),
                             ": its bytes are public and hidden: " + media_path};
    }
    if (!there && elsewhere) {
        return media_problem{finding_kind::wrong_tree, media::to_path(wrong, media_path),
                             (is_visible ? ": its bytes are hidden, though it is visible: "
                                         : ": its bytes are public, though it is not visible: ") +
                                 media_path};
    }
    if (!there || !there->is_regular) {
        return media_problem{finding_kind::missing_bytes, path, ": its bytes are missing: " + path};
    }
    if (there->size_bytes != static_cast<std::uint64_t>(row.size)) {
        return media_problem{finding_kind::wrong_size, path,
                             ": has " + std::to_string(there->size_bytes) + " bytes instead of " +
                                 std::to_string(row.size) + ": " + path};
    }
    if (hash && !row.sha256.empty() && trees.hash(right, media_path) != row.sha256) {
        return media_problem{finding_kind::wrong_digest, path,
                             ": its bytes are not what was uploaded: " + path};
    }
    return std::nullopt;
}

}  // namespace pinhole::storage
