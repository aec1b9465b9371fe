// The part of the check that compares index entries, entries of inverted indexes and of ranks,
// unique entries and the expiry entries of idempotency records with what the rows give rise to.
//
// Whoever walks the rows says what is due; then `find_differences` walks the entries, and, where
// the sums of both differ, both again.
//
// For one thread. Blocks: on the disk. Errors: those of the reader are thrown through.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "storage/check.hpp"
#include "storage/maintenance/bucket_sums.hpp"
#include "storage/maintenance/rank_marks.hpp"
#include "storage/maintenance/row_walk.hpp"

namespace pinhole::storage {

class entry_check {
public:
    using report_function = std::function<void(finding)>;

    entry_check(const kv::reader& reader, const work_watch& watch, report_function report)
        : reader_(reader), watch_(watch), report_(std::move(report)) {}

    /// Everything that a row gives rise to; `ranked` is its record of the counts at which it
    /// stands, if it has one (ranking.hpp).
    template <class Row>
    void add_row(const Row& row, const std::optional<kv::value_with_stamp>& ranked);
    void add_record(const kv::key& record, std::string_view value);

    /// Reports what differs. Returns the number of entries there are.
    std::size_t find_differences();

private:
    void add_due(const kv::key& key, std::string_view value);
    template <class Row>
    void add_ranks_of_gone_rows();
    void add_seen();
    template <class Row>
    void find_missing();
    template <class Row>
    void find_missing_of(const Row& row);
    void find_missing_of_records();
    void judge_due(std::string_view entity, entity_id id, const std::string& name,
                   const kv::key& key, std::string_view value);
    template <class Row, class Unique>
    void judge_due_unique(const Row& row, const Unique& unique);
    void find_strays();
    void judge_entry(const kv::key& key);
    template <class Row>
    bool judge_entry_of(const kv::key& key);
    template <class Row>
    void judge_rank_of(const kv::key& key, bool is_record);
    void judge_expiry(const kv::key& key);
    void judge_unique(const kv::key& key, std::string_view value);
    void report_stray(std::string_view entity, entity_id id, const kv::key& key,
                      std::string_view what);

    const kv::reader& reader_;
    const work_watch& watch_;
    report_function report_;
    rank_marks marks_{reader_};
    bucket_sums sums_;
    std::size_t entries_ = 0;
    /// Keys of unique entries that have been reported for the row that claims them.
    std::set<std::pair<kv::part_id, std::string>> claimed_;
};

/// Whether the entry is a mark that a row is to be ranked anew, which may be there for any row.
bool is_rank_mark(const kv::key& key);

/// "part 10 key 0a01…"
std::string describe(const kv::key& key);

}  // namespace pinhole::storage
