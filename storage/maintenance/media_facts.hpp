// What a file's row says of its bytes, and what is there: shared by check and repair.
//
// Thread-safe. Blocks: on the disk.
#pragma once

#include <optional>
#include <string>

#include "storage/check.hpp"
#include "storage/jobs.hpp"
#include "storage/media/media_trees.hpp"

namespace pinhole::storage {

/// Where the bytes lie below the trees; nothing if the URL leads elsewhere.
std::optional<std::string> media_path_of(const file& row);

/// A file, and all that says where its bytes belong, at one instant.
struct media_facts {
    file row;
    std::string media_path;
    bool is_visible = false;
    bool is_moving = false;  ///< a job is about to put it where it belongs
    kv::stamp file_stamp = 0;
    kv::stamp post_stamp = 0;
    kv::stamp author_stamp = 0;

    bool is_same_state(const media_facts& other) const {
        return !other.is_moving && file_stamp == other.file_stamp &&
               post_stamp == other.post_stamp && author_stamp == other.author_stamp;
    }
};

/// Nothing if the file, its post or the post's author is not there or cannot be read: then nobody
/// knows.
std::optional<media_facts> read_media_facts(const kv::reader& reader, entity_id file);

struct media_problem {
    finding_kind kind{};
    std::string path;  ///< below the media folder
    std::string text;  ///< as it follows the file's name
};

/// What is wrong with a file's bytes; with `hash`, also reads them.
/// Errors: throws std::system_error.
std::optional<media_problem> find_media_problem(const media::media_trees& trees, const file& row,
                                                const std::string& media_path, bool is_visible,
                                                bool hash);

}  // namespace pinhole::storage
