// Takes a dump's members and makes a Django fixture of them, and a folder of the media.
//
// For one thread. Blocks: on the disk, or on whoever reads the output.
// Errors: export_refused for what the map cannot say; otherwise as dump_sink.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "storage/base/unique_fd.hpp"
#include "storage/django/field_map.hpp"
#include "storage/dump/dump_sink.hpp"
#include "storage/dump/mapped_table.hpp"
#include "storage/dump/pending_target.hpp"
#include "storage/dump/row_parser.hpp"

namespace pinhole::storage::django {

struct export_refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct fixture_sink_options {
    field_map map;
    bool is_lines = false;  ///< JSONL, and not one array
    bool renumber = false;
    std::function<void(std::string_view)> write;
    dump::pending_target* media = nullptr;  ///< a directory; without one bytes are not wanted
    std::filesystem::path scratch;
};

class fixture_sink final : public dump::dump_sink {
public:
    explicit fixture_sink(fixture_sink_options options);

    bool needs_sizes() const override { return false; }
    void begin_member(const std::string& path, std::uint64_t size_bytes) override;
    void write(std::string_view bytes) override;
    void end_member() override;
    /// Writes the fixture's end. The targets are for who owns them.
    result<void> finish() override;

private:
    struct numbered {
        entity_id id = 0;
        std::int64_t number = 0;
    };

    void take_line(std::string_view line);
    void write_row(const user& row);
    void write_row(const post& row);
    void write_row(const file& row);
    void write_row(const comment& row);
    void write_row(const like& row);

    void begin_object(section which, std::int64_t pk);
    void end_object();
    void begin_field(std::string_view name);
    /// The name of the source's first field; empty if there is none to write.
    std::string_view field_of(std::string_view name) const;
    void add(std::string_view name, std::string_view text);
    void add(std::string_view name, timestamp instant);
    void add_number(std::string_view name, std::int64_t number);
    void add_flag(std::string_view name, bool flag);
    template <class Row>
    void add_dates(const Row& row);
    void add_deleted(std::string_view entity, entity_id id, bool is_deleted);
    std::int64_t number_of(dump::mapped_table<numbered>& table, entity_id id) const;
    void make_medium(std::string_view media_path);

    fixture_sink_options options_;
    dump::fault_list faults_;
    dump::row_parser parser_;
    std::string member_;  ///< of rows; else empty
    std::string rest_;    ///< a line whose end is still to come
    std::uint64_t line_ = 0;
    unique_fd medium_;
    std::string text_;  ///< what is to be written
    bool has_objects_ = false;
    bool has_fields_ = false;
    section section_ = section::user;
    std::int64_t rows_ = 0;  ///< of the entity at hand
    dump::mapped_table<numbered> users_;
    dump::mapped_table<numbered> posts_;
};

}  // namespace pinhole::storage::django
