#include "tools/admin/object_names.hpp"

#include <fmt/format.h>

#include <string_view>

#include "tools/admin/console.hpp"
#include "tools/admin/display.hpp"

namespace pinhole::admin {

namespace {

constexpr std::size_t text_columns = 40;

std::string quote(std::string_view text) {
    return '"' + fit_columns(to_printable(text), text_columns) + '"';
}

std::string count(std::int64_t number, std::string_view one) {
    return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
}

std::string gone(bool is_deleted) {
    return is_deleted ? " · deleted" : "";
}

}  // namespace

std::string to_name(const storage::user_view& view) {
    const storage::user& row = view.row;
    return fmt::format("User {} @{}{} · {}{}{}", row.id, to_printable(row.username),
                       row.name.empty() ? "" : ' ' + quote(row.name),
                       count(view.post_count, "post"), row.is_staff ? " · staff" : "",
                       gone(row.is_deleted));
}

std::string to_name(const storage::post_view& view) {
    const storage::post& row = view.row;
    std::string name =
        fmt::format("Post {} by {}: {} · {} · {}", row.id, to_printable(view.person.username),
                    quote(row.content), count(static_cast<std::int64_t>(row.files.size()), "file"),
                    count(view.like_count, "like"));
    if (view.comment_count != 0) {
        name += " · " + count(view.comment_count, "comment");
    }
    return name + gone(row.is_deleted);
}

std::string to_name(const storage::file_view& view) {
    const storage::file& row = view.row;
    return fmt::format("File {} of post {}: {} {}×{} · {}{}", row.id, row.post.id,
                       to_printable(row.content_type), row.width, row.height,
                       to_size_text(static_cast<std::uint64_t>(row.size)), gone(row.is_deleted));
}

std::string to_name(const storage::comment_view& view) {
    const storage::comment& row = view.row;
    return fmt::format("Comment {} by {} on post {}: {}{}", row.id,
                       to_printable(view.person.username), row.post.id, quote(row.content),
                       gone(row.is_deleted));
}

std::string to_name(const storage::like_view& view) {
    const storage::like& row = view.row;
    return fmt::format("Like {} by {} of post {}{}", row.id, to_printable(view.person.username),
                       row.post.id, gone(row.is_deleted));
}

}  // namespace pinhole::admin
