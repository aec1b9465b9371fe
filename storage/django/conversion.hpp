// Makes the rows of a dump of a Django fixture: reads it once, finds everything that is wrong with
// it, resolves what refers to what, gives ids, and takes files in. What comes of it
// (converted_dump.hpp) is checked and restored like any other dump.
//
// Objects may come in any order, so nothing is resolved before all are read. Memory is bounded
// whatever the fixture's size: objects are sorted on disk, and what is looked up by a primary key
// lies in mapped tables.
//
// For one thread. Blocks: for as long as it takes.
// Errors: what is wrong with the fixture is added to the faults. std::system_error for the disk;
// work_interrupted.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/work.hpp"
#include "storage/django/field_map.hpp"
#include "storage/django/fixture_reader.hpp"
#include "storage/django/media_intake.hpp"
#include "storage/django/object_values.hpp"
#include "storage/django/staged.hpp"
#include "storage/dump/dump_fault.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/dump/external_sorter.hpp"
#include "storage/dump/spool_file.hpp"

namespace pinhole::storage::django {

struct convert_options {
    field_map map;
    std::string fixture_name;  ///< in faults
    std::uint64_t fixture_bytes = 0;
    std::optional<std::filesystem::path> media_root;
    std::filesystem::path scratch;  ///< where temporary files may lie
    bool ignore_unknown = false;
    bool rename_users = false;
    bool skip_bad_files = false;
    /// Ids are made of the time; else primary keys become ids, and must be numbers.
    bool new_ids = false;
    std::optional<timestamp> deleted_at;  ///< of what is deleted and was changed before
    std::size_t memory_bytes = std::size_t{96} << 20U;
    std::function<void(std::string_view)> tell = [](std::string_view) {
    };  ///< what people must know
};

struct convert_counts {
    std::uint64_t users_renamed = 0;
    std::uint64_t passwords_unusable = 0;  ///< of a kind that is not known here
    std::uint64_t files_skipped = 0;
    std::uint64_t posts_skipped = 0;
    std::uint64_t comments_skipped = 0;
    std::uint64_t likes_skipped = 0;
    std::uint64_t likes_repeated = 0;
    std::map<std::string, std::uint64_t, std::less<>> models_skipped;  ///< by name
};

/// A member of the dump: rows as lines.
struct converted_rows {
    std::string file;  ///< "posts.jsonl"
    int fd = -1;
    std::uint64_t size_bytes = 0;
};

class conversion {
public:
    /// The faults and the watch outlive it.
    conversion(convert_options options, dump::fault_list& faults, const work_watch& watch);

    /// Once. Afterwards the rest is there, if there is no fault.
    void run(fixture_reader& fixture);

    /// In the dump's order.
    std::vector<converted_rows> rows();
    media_intake* media() { return media_ ? &*media_ : nullptr; }
    const convert_counts& counts() const { return counts_; }

    /// Where a row of the dump came from, as a fault says it: nothing if there is no such line.
    std::optional<dump::dump_fault> origin_of(const dump::dump_fault& in_dump) const;

    /// Lines of model, pk and id, of all rows.
    dump::spool_writer& id_map() { return id_map_; }

private:
    struct known_profile {
        pk_key user;
    };
    struct known_user {
        timestamp created_at;
        entity_id id;
    };
    struct known_post {
        timestamp created_at;
        entity_id id;
        bool is_skipped;
    };
    /// An entity's rows on their way into the dump.
    struct output {
        explicit output(const std::filesystem::path& scratch) : lines(scratch), origins(scratch) {}
        dump::spool_writer lines;
        dump::spool_writer origins;  ///< of each line, at one length
        std::uint64_t rows = 0;
        time_ids ids;
    };
    using sorter = std::optional<dump::external_sorter>;

    void read(fixture_reader& fixture);
    void stage(fixture_object& object);
    void stage_user();
    void stage_profile();
    void stage_post();
    void stage_file();
    void stage_comment();
    void stage_like();
    template <class Row>
    staged<Row> begin_staged();
    template <class Row>
    void read_dates(Row& row);
    template <class Row>
    void stage_as(sorter& to, const staged<Row>& object);
    void check_text(section which, std::uint64_t line, std::string_view pk, std::string_view field,
                    const text_rule& rule, std::string_view value);

    template <class Row, class Function>
    void for_each_of(section which, sorter& from, const Function& function);
    template <class Row, class Function>
    void for_each_sorted(std::string_view phase, sorter& from, const Function& function);
    void settle_profiles();
    void settle_users();
    void settle_user(staged<user>& account, const std::optional<staged<user>>& profile);
    void settle_names();
    void settle_posts();
    void settle_files();
    void settle_comments();
    void settle_likes();
    void keep_first_likes();
    template <class Row>
    known_user* settle_person(section which, std::string_view field, staged<Row>& object);
    template <class Row>
    known_post* settle_parent(section which, staged<Row>& object);

    void join_files();
    void join(staged<post>& parent, std::vector<staged<file>>& files);
    void take_in_some(std::vector<staged<file>>& files, bool deleted);
    bool take_in(staged<file>& attached);
    void skip_post(const staged<post>& parent);

    void write_rows();
    void write_users();
    void write_posts();
    template <class Row>
    void write_children(section which, sorter& from, std::uint64_t& skipped);
    template <class Row>
    entity_id write(section which, staged<Row>& object);
    template <class Row>
    std::string sort_key(section which, const staged<Row>& object);

    void fault(section which, std::uint64_t line, std::string_view pk, std::string problem);
    void tell(section which, std::string_view pk, std::string_view what);
    const std::string& model_of(section which) const { return options_.map.of(which).model; }
    void begin_sorting(sorter& with) const;
    output& output_of(section which) { return outputs_[static_cast<std::size_t>(which)]; }

    convert_options options_;
    dump::fault_list& faults_;
    const work_watch& watch_;
    object_values values_;
    convert_counts counts_;

    // By the hash of their primary key.
    sorter users_;
    sorter profiles_;
    sorter posts_;
    sorter files_;
    sorter comments_;
    sorter likes_;
    // Of what has a sound place among the others.
    sorter profiles_by_user_;
    sorter names_;
    sorter new_names_;
    sorter files_by_post_;
    sorter likes_by_pair_;
    dump::spool_writer settled_posts_;  ///< by the hash of their primary key
    // In the order of their ids.
    sorter users_in_order_;
    sorter posts_in_order_;
    sorter files_in_order_;
    sorter comments_in_order_;
    sorter likes_in_order_;

    key_table<known_profile> known_profiles_;
    key_table<known_user> known_users_;
    key_table<known_post> known_posts_;

    std::optional<media_intake> media_;
    bool is_media_root_missed_ = false;
    std::vector<output> outputs_;  ///< by section
    dump::spool_writer id_map_;
};

}  // namespace pinhole::storage::django
