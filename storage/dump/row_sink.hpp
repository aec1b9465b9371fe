// Who takes the rows of a dump while it is checked (dump_checker.hpp): what builds a database of
// them, or merges them into one. Nothing it does may show before the check has come to its end, and
// once a fault is found it is told nothing more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/schema/entities.hpp"

namespace pinhole::storage::dump {

/// A row and where it stands.
template <class Row>
struct located {
    Row row;
    std::uint64_t line = 0;
};

/// Bytes that belong to a file's row, and where they belong.
struct file_place {
    std::string_view media_path;
    entity_id post = 0;
    bool is_visible = false;  ///< the file, its post and the post's author are alive
    bool has_bytes = false;   ///< the dump has brought them
};

/// What the rows say of a user or post, once all of them are read.
struct known_user {
    entity_id id = 0;
    std::uint32_t is_alive = 0;
    std::uint32_t posts = 0;  ///< alive ones
};
struct known_post {
    entity_id id = 0;
    std::uint32_t is_alive = 0;
    std::uint32_t is_author_alive = 0;
    std::uint32_t likes = 0;  ///< that count
    std::uint32_t comments = 0;
};

class row_sink {
public:
    virtual ~row_sink() = default;

    /// Rows in the order of the dump. `is_counted` and `deleted_at` are set.
    virtual void take(located<user> row) = 0;
    virtual void take(located<file> row) = 0;
    virtual void take(located<comment> row) = 0;
    virtual void take(located<like> row) = 0;
    /// In the order of their ids, behind all files, with the copies of those that are alive.
    /// `files` are all that hang under it, deleted ones too, by position; valid for the time of the
    /// call. (But see check_options::sink_takes_aside.)
    virtual void take(located<post> row, std::span<const located<file>> files) = 0;

    /// The bytes of a medium, between a beginning and an end.
    virtual void begin_medium(const std::string& media_path) = 0;
    virtual void append_medium(std::span<const char> bytes) = 0;
    virtual void end_medium() = 0;

    /// All rows and media have come; users and posts with their counts, in the order of their ids.
    /// They are valid for the time of the call.
    virtual void end_rows(std::span<const known_user> users, std::span<const known_post> posts) = 0;

    /// Behind all of those, for each unique entry in the order of the keys, and for each file's
    /// row.
    virtual void take_unique(std::string_view physical_key, entity_id id, bool alive) = 0;
    virtual void take_place(const file_place& place) = 0;
};

}  // namespace pinhole::storage::dump
