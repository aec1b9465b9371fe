#include "storage/media/media_reader.hpp"

#include <fcntl.h>

#include <cerrno>
#include <string>
#include <system_error>

#include "storage/media/media_path.hpp"

namespace pinhole::media {
namespace {

/// A file that moves is missed only if it moves in between two looks, each time: nobody deletes and
/// restores a post that fast again and again.
constexpr int looks_max = 4;

unique_fd open_tree(const std::filesystem::path& path) {
    unique_fd folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder && errno != ENOENT) {
        throw std::system_error(errno, std::generic_category(), "open " + path.string());
    }
    return folder;
}

}  // namespace

media_reader::media_reader(const std::filesystem::path& root)
    : public_(open_tree(root / "public")), hidden_(open_tree(root / "hidden")) {}

std::optional<open_file> media_reader::open_any(std::string_view media_path) const {
    if (!is_media_path(media_path)) {
        return std::nullopt;
    }
    const std::string path(media_path);
    for (int look = 0; look < looks_max; ++look) {
        for (const unique_fd* tree : {&public_, &hidden_}) {
            if (*tree) {
                if (auto found = open_regular(tree->get(), path)) {
                    return found;
                }
            }
        }
    }
    return std::nullopt;
}

}  // namespace pinhole::media
