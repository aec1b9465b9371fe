// A line of a dump as a row: what the entities' declarations say of its fields, and the rules that
// the API keeps by itself when it makes a row (the form of a URL, of a digest, of a password's
// hash). What a row says of other rows is not looked at here.
//
// For one thread; reused from line to line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/dump/dump_fault.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/dump/json_line.hpp"

namespace pinhole::storage::dump {

/// No right clock leads to an id at or above this: behind it there would be none left to give.
inline constexpr entity_id id_limit =
    (id_clock_end_ms + std::int64_t{366} * 86'400'000 - id_epoch_ms)
    << (id_shard_bits + id_sequence_bits);

class row_parser {
public:
    row_parser(fault_list& faults, unknown_members unknown) : faults_(faults), unknown_(unknown) {}

    /// The row of this line of `file`. What is wrong with it is added to the faults, and its fields
    /// are then as far as they could be read: the id, too, may be zero. A field that is not there
    /// takes its default; `deleted_at` is `updated_at` where the row is deleted.
    template <class Row>
    Row parse(std::string_view file, std::uint64_t line, std::string_view text);

private:
    template <class Row, class Field>
    void read_field(const Field& f, std::size_t place, Row& row);
    bool read(const json_member& member, field_kind kind, std::int64_t& value);
    bool read(const json_member& member, field_kind kind, std::string& value);
    bool read(const json_member& member, field_kind kind, bool& value);
    bool read(const json_member& member, field_kind kind, timestamp& value);
    template <class Target>
    bool read(const json_member& member, field_kind kind, reference_to<Target>& value) {
        return read(member, kind, value.id);
    }
    void check_text(std::string_view name, const text_rule& rule, std::string_view value);
    void check(const user& row);
    void check(const post& row);
    void check(const file& row);
    void check(const comment& row);
    void check(const like& row);
    void report(std::string problem);
    void report_field(std::string_view name, std::string_view problem);

    fault_list& faults_;
    unknown_members unknown_;
    json_line json_;
    std::string_view file_;
    std::uint64_t line_ = 0;
};

}  // namespace pinhole::storage::dump
