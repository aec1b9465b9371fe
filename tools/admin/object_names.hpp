// What people call an object by when they see many of them: enough to tell it from the others,
// short enough for a line. Printable whatever its texts are. Pure.
#pragma once

#include <string>

#include "storage/schema/entities.hpp"

namespace pinhole::admin {

std::string to_name(const storage::user_view& view);  ///< User 7 @kim "Kim" · 12 posts
std::string to_name(
    const storage::post_view& view);  ///< Post 123 by kim: "바다…" · 2 files · 5 likes
std::string to_name(
    const storage::file_view& view);  ///< File 9 of post 123: image/jpeg 800×600 · 1.2 MiB
std::string to_name(const storage::comment_view& view);  ///< Comment 5 by kim on post 123: "…"
std::string to_name(const storage::like_view& view);     ///< Like 6 by kim of post 123

}  // namespace pinhole::admin
