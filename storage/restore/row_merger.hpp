// Compares a dump's rows with those of a database that is not empty, while they are checked, and
// keeps what the database lacks; then adds it by ordinary commits.
//
// A row that is there with the same values is skipped; one with other values is a fault, as is a
// new row whose username, URL, or post and user are another row's. Nothing is written before all is
// checked. A kill midway leaves a part of the rows, all of them whole (a post with its files is one
// commit, and nothing comes before what it hangs under), and perhaps bytes of media whose rows are
// still to come: the same merge, run again, skips what is there and adds the rest.
//
// For one thread. Blocks: on the disk.
// Errors: kv::storage_failure, std::system_error.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "storage/base/work.hpp"
#include "storage/dump/dump_fault.hpp"
#include "storage/dump/row_sink.hpp"
#include "storage/dump/spool_file.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

class media_stage;

struct merge_options {
    std::filesystem::path scratch;
    std::filesystem::path media_root;
    /// Called before the first medium.
    std::function<media_stage&()> stage_media;
};

class row_merger final : public dump::row_sink {
public:
    /// Requires: the reader is of the database as it stays until `commit_all`.
    row_merger(merge_options options, const kv::reader& reader, dump::fault_list& faults);

    void take(dump::located<user> row) override;
    void take(dump::located<file> row) override;
    void take(dump::located<comment> row) override;
    void take(dump::located<like> row) override;
    void take(dump::located<post> row, std::span<const dump::located<file>> files) override;
    void begin_medium(const std::string& media_path) override;
    void append_medium(std::span<const char> bytes) override;
    void end_medium() override;
    void end_rows(std::span<const dump::known_user> users,
                  std::span<const dump::known_post> posts) override;
    void take_unique(std::string_view physical_key, entity_id id, bool alive) override;
    void take_place(const dump::file_place& place) override;

    std::uint64_t rows_added() const { return added_; }
    std::uint64_t rows_skipped() const { return skipped_; }

    /// Puts media to their places, and adds the rows, raising the ids that the next server gives
    /// above `id_ceiling_ms`. Requires: no fault; the reader is not used any more.
    void commit_all(kv::store& store, std::int64_t id_ceiling_ms, const work_watch& watch);

private:
    enum class spooled : char { user, post, files, comment, like };

    template <class Row>
    bool is_new(const dump::located<Row>& row);
    template <class Row>
    void fault(const dump::located<Row>& row, std::string problem);
    template <class Row>
    void spool_row(spooled kind, const Row& row);
    void check_new_files(const post& parent, std::span<const dump::located<file>> files);
    void place_media();
    void append(kv::commit& commit, const kv::store& store, std::string_view record);

    merge_options options_;
    row_reader rows_;
    dump::fault_list& faults_;
    dump::spool_writer new_rows_;
    dump::spool_writer new_media_;
    media_stage* stage_ = nullptr;
    std::uint64_t added_ = 0;
    std::uint64_t skipped_ = 0;
};

}  // namespace pinhole::storage
