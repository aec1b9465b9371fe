// Builds a database of a dump's rows while they are checked: the rows themselves, which come in the
// order of their keys, go straight to the bulk loader; index entries, terms and jobs are sorted
// first.
//
// Everything it makes comes from the functions that ordinary commits are made with (keys.hpp,
// ranking.hpp), so that nobody can tell how a row came into the database.
//
// For one thread at a time. On threads of its own it takes texts apart and writes their terms
// (term_builder.hpp), and index entries once all rows are there, while what is unique is still
// being compared. Blocks: on the disk; its destructor, until those threads have noticed, within a
// moment. Errors: kv::storage_failure, std::system_error.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <future>
#include <memory>
#include <string>

#include "storage/base/work.hpp"
#include "storage/dump/external_sorter.hpp"
#include "storage/dump/row_sink.hpp"
#include "storage/kv/bulk_loader.hpp"
#include "storage/kv/key_codec.hpp"
#include "storage/kv/log.hpp"
#include "storage/restore/term_builder.hpp"

namespace pinhole::storage {

class media_stage;

struct build_options {
    std::filesystem::path folder;      ///< db/ is made in it, and temporary files
    std::filesystem::path media_root;  ///< of the target
    bool has_media = false;            ///< whether it has any
    std::size_t memory_bytes = std::size_t{300} << 20U;
    /// Called before the first medium: where media may be put. May throw to refuse them.
    std::function<media_stage&()> stage_media;
    kv::log_function log;
};

class row_builder final : public dump::row_sink {
public:
    explicit row_builder(build_options options);
    ~row_builder() override;

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

    /// Makes the database, durable, with what `meta` says. Requires: the dump has no fault.
    void finish(kv::commit meta, const work_watch& watch);

private:
    template <class Row>
    void add_row(const Row& row);
    void add_entry(dump::external_sorter& to, const kv::key& key, std::string_view value);
    void add_entries(kv::commit commit);
    template <class Row>
    void add_count(entity_id id, bool is_alive, std::int64_t counter);
    void load_index();
    void load_range(dump::external_sorter::range entries);
    void load_jobs();

    build_options options_;
    std::unique_ptr<kv::bulk_loader> loader_;
    dump::external_sorter index_;
    dump::external_sorter jobs_;
    media_stage* stage_ = nullptr;  ///< once there is a medium
    std::string scratch_;
    kv::key_writer key_;
    std::atomic<std::uint64_t> index_loaded_ = 0;
    std::atomic<bool> is_ending_ = false;
    // Last: they end before the rest is gone.
    term_builder terms_;
    std::future<void> loaded_index_;
};

}  // namespace pinhole::storage
