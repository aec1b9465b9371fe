// Looks into the media store's folders as they are, without the store's rules: for checks, and for
// putting aside what does not belong there.
//
// Thread-safety: any thread. Blocking: all of it. Errors: throws std::system_error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/unique_fd.hpp"

namespace pinhole::media {

enum class tree_kind : std::uint8_t { visible, hidden };

/// "public" or "hidden": the folder's name, and the first part of a path below the root.
std::string_view folder_name(tree_kind tree);
/// "public/ab/….jpg"
std::string to_path(tree_kind tree, std::string_view media_path);

struct tree_file {
    std::uint64_t size_bytes = 0;
    bool is_regular = false;
};

class media_trees {
public:
    /// Requires: the media store has made its folders.
    explicit media_trees(const std::filesystem::path& root);

    std::optional<tree_file> find(tree_kind tree, std::string_view media_path) const;
    /// The SHA-256 of a regular file, in hexadecimal; nothing if it is none, or gone.
    std::optional<std::string> hash(tree_kind tree, std::string_view media_path) const;

    /// Calls `function` with the path, below its tree, of everything that is not a folder. What
    /// comes or goes meanwhile may be missed.
    void for_each(tree_kind tree, const std::function<void(std::string)>& function) const;
    /// The names in incoming/.
    std::vector<std::string> incoming() const;
    /// Whether the marker of an upload that is being settled stands for this path.
    bool has_marker(std::string_view media_path) const;
    /// Whether there is anything at this path below the root.
    bool is_there(std::string_view path) const;

    /// Moves what lies at `path` below the root to the same path below `folder`, durably; to
    /// another file system by copying it. False if it is gone.
    /// Errors: as above, also if something lies there already.
    /// Requires: no path component is "..". One caller at a time.
    bool put_aside(std::string_view path, const std::filesystem::path& folder) const;

private:
    std::filesystem::path root_;
};

}  // namespace pinhole::media
