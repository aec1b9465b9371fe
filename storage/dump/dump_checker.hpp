// Reads a dump once from its beginning to its end and finds everything that is wrong with it: sums,
// JSON, types, limits, the order of ids, uniqueness, references, counts, and the bytes of media.
// Whoever wants the rows gets them meanwhile, with what they say of each other worked out
// (row_sink).
//
// Memory is bounded whatever the dump's size: what has to be known of all users and posts lies in
// mapped tables, what has to be compared with each other is sorted on disk.
//
// For one thread; another one of its own sorts what has passed, so that two cores are busy. Blocks:
// on the disk, for as long as the dump takes. Errors: what is wrong with the dump is added to the
// faults. std::system_error for the disk; work_interrupted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "storage/base/batch_queue.hpp"
#include "storage/base/work.hpp"
#include "storage/dump/archive_reader.hpp"
#include "storage/dump/claims.hpp"
#include "storage/dump/dump_fault.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/dump/external_sorter.hpp"
#include "storage/dump/line_reader.hpp"
#include "storage/dump/mapped_table.hpp"
#include "storage/dump/row_parser.hpp"
#include "storage/dump/row_sink.hpp"

namespace pinhole::storage::dump {

struct check_options {
    bool manifest_required = true;
    bool media_required = true;  ///< of every file, if the dump has any media
    unknown_members unknown = unknown_members::refuse;
    std::filesystem::path scratch;  ///< where temporary files may lie
    std::size_t memory_bytes = std::size_t{64} << 20U;
    /// The sink takes rows on the checker's own thread, and posts without their `files`. For one
    /// that is busy with each row and has no faults to add; everything else it is told as
    /// otherwise, once the rows so far are taken.
    bool sink_takes_aside = false;
};

struct dump_summary {
    std::optional<dump::manifest> manifest;
    std::map<std::string, std::uint64_t, std::less<>> rows;  ///< of each entity that is there
    media_sums media;
    bool has_media = false;           ///< so every file's row should have its bytes
    std::uint64_t media_missing = 0;  ///< rows that have not, though the dump has media
    entity_id id_max = 0;

    std::uint64_t rows_total() const;
};

class dump_checker {
public:
    /// All of them outlive it. `sink` may be nullptr.
    dump_checker(archive_reader& archive, const check_options& options, fault_list& faults,
                 row_sink* sink, const work_watch& watch);

    /// Once.
    dump_summary run();

private:
    void read_members();
    void read_member(const archive_member& member);
    void read_manifest(const archive_member& member);
    void read_rows_of(const archive_member& member);
    template <class Row>
    void read_rows(const archive_member& member);
    void read_medium(const archive_member& member);

    void accept(located<user> row);
    void accept(located<post> row);
    void accept(located<file> row);
    void accept(located<comment> row);
    void accept(located<like> row);
    template <class Row>
    known_user* find_user(const located<Row>& row, reference_to<user> who, std::string_view field);
    template <class Row>
    known_post* find_post(const located<Row>& row);
    template <class Function>
    void hand_over(const Function& function);

    /// One that waits for its files.
    struct unjoined_post {
        located<post> row;
    };
    /// What has passed, on its way to the other thread.
    struct passed {
        std::variant<located<user>, unjoined_post, located<file>, located<comment>, located<like>,
                     located<post>>
            row;
        bool is_for_sink = false;
    };
    bool has_eager_sink() const { return sink_ != nullptr && faults_.empty(); }
    template <class Row>
    void pass_on(located<Row> row);
    void take_aside(passed& next);
    void keep(const located<user>& row) { claims_.add(row); }
    void keep(const located<like>& row) { claims_.add(row); }
    void keep(const located<file>& row);
    void keep(const unjoined_post& post);

    void join_files();
    void join(located<post> row, std::span<const located<file>> files);
    void compare_with_manifest();

    void advance(std::string_view phase, std::uint64_t done, bool counts_bytes = false);
    std::uint64_t total_of(std::string_view phase) const;

    archive_reader& archive_;
    check_options options_;
    fault_list& faults_;
    row_sink* sink_;
    const work_watch& watch_;

    row_parser parser_;
    dump_summary summary_;
    std::map<std::string, entity_sums, std::less<>> found_;
    std::size_t next_entity_ = 0;  ///< the first that may still come
    bool are_files_joined_ = false;

    mapped_table<known_user> users_;
    mapped_table<known_post> posts_;
    // Of the other thread, until it is drained.
    spool_writer spooled_posts_;
    external_sorter files_;  ///< by post, position and id
    claims claims_;

    batch_queue<passed> aside_;  ///< last: its thread uses the rest
};

}  // namespace pinhole::storage::dump
