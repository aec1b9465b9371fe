// What the rows and media of a dump claim for themselves alone: a username, the like of a user for
// a post, a URL and the bytes under it. No two may claim the same; a file's row wants its bytes,
// and bytes want a row.
//
// Claims are sorted by what is claimed, on disk where memory does not suffice, and settled once all
// have come.
//
// For one thread. Blocks: on the disk. Errors: what is wrong is added to the faults.
// std::system_error for the disk; work_interrupted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/work.hpp"
#include "storage/dump/dump_fault.hpp"
#include "storage/dump/external_sorter.hpp"
#include "storage/dump/mapped_table.hpp"
#include "storage/dump/row_sink.hpp"

namespace pinhole::storage::dump {

/// What a file's row says of its bytes, or what the bytes are.
struct file_content {
    entity_id post = 0;  ///< of a row
    std::int64_t size_bytes = 0;
    bool has_sha256 = false;
    std::array<char, 64> sha256{};  ///< in hexadecimal

    /// Requires: 64 digits, or none.
    void set_sha256(std::string_view digits);
    bool agrees_with(const file_content& bytes) const;
};

struct settle_options {
    bool has_media = false;       ///< so every file's row should have its bytes
    bool media_required = false;  ///< and it is a fault if one has not
    row_sink* sink = nullptr;     ///< may be nullptr
};

class claims {
public:
    /// `faults` outlives it. Temporary files are made in `scratch`.
    claims(const std::filesystem::path& scratch, std::size_t memory_bytes, fault_list& faults);

    void add(const located<user>& row);
    void add(const located<like>& row);
    /// Requires: a URL under /media/.
    void add(const located<file>& row);
    void add_medium(const std::string& media_path, const file_content& found);

    /// No more claims come. The sink, unless there are faults, learns what is unique and where
    /// files belong, in the order of the keys. How many rows are without their media, though there
    /// are some. Once. Requires: the posts of all files.
    std::uint64_t settle(mapped_table<known_post>& posts, const settle_options& options,
                         const work_watch& watch);

private:
    enum class claimant : std::uint8_t { user, file, like, medium };
    /// Who says of himself that a unique key is his.
    struct claim {
        entity_id id = 0;
        std::uint64_t line = 0;
        claimant who = claimant::user;
        bool is_alive = false;
    };
    /// All that claim one key, the first of each kind in full.
    struct group {
        std::string key;
        std::vector<claim> rows;  ///< the first, and a second one if there is
        std::optional<file_content> row_content;
        std::optional<file_content> medium;
        std::string media_path;  ///< of files and media
    };

    template <class Row>
    void add_row(claimant who, const located<Row>& row, std::string_view behind);
    void take(std::string_view value, group& into);
    void settle(const group& group, mapped_table<known_post>& posts, const settle_options& options);
    void refuse_second(const group& group);
    void settle_file(const group& group, mapped_table<known_post>& posts,
                     const settle_options& options);
    template <class Function>
    void hand_over(row_sink* sink, const Function& function);

    fault_list& faults_;
    external_sorter sorter_;  ///< by unique key
    std::string scratch_;
    std::uint64_t missing_ = 0;
};

}  // namespace pinhole::storage::dump
