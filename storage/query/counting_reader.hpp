// A reader that counts what is read through it, and stops a query that reads too much.
//
// To find where a scan begins costs as much as to read some rows, and counts as that against the
// limit. Counted are the rows, index entries and counters that were asked for one by one, and those
// that a scan brought. Thread-safety: as the reader under it.
// Errors: besides the reader's, every function throws over_budget.
#pragma once

#include <algorithm>
#include <cstdint>

#include "storage/kv/store.hpp"
#include "storage/query/query_budget.hpp"

namespace pinhole::storage::query {

/// In rows, by measurement.
inline constexpr std::uint64_t seek_cost = 4;

class counting_reader final : public kv::reader {
public:
    counting_reader(const kv::reader& under, query_budget& budget)
        : under_(under), budget_(budget) {}

    std::uint64_t rows_read() const { return rows_read_; }

    std::optional<kv::value_with_stamp> get(const kv::key& key) const override {
        count(1);
        return under_.get(key);
    }
    std::vector<std::optional<kv::value_with_stamp>> multi_get(
        std::span<const kv::key> keys) const override {
        count(keys.size());
        return under_.multi_get(keys);
    }
    std::vector<kv::row> scan(const kv::range& range) const override {
        budget_.spend_rows(seek_cost);
        kv::range bounded = range;
        bounded.limit = within_budget(range.limit);
        auto rows = under_.scan(bounded);
        count(rows.size());
        return rows;
    }
    std::vector<kv::located_row> walk(kv::family_id family, const kv::key* beyond,
                                      std::uint32_t limit) const override {
        auto rows = under_.walk(family, beyond, within_budget(limit));
        count(rows.size());
        return rows;
    }
    std::int64_t counter(const kv::key& key) const override {
        count(1);
        return under_.counter(key);
    }
    std::vector<std::int64_t> counters(std::span<const kv::key> keys) const override {
        count(keys.size());
        return under_.counters(keys);
    }
    std::uint64_t approximate_rows(kv::family_id family) const override {
        return under_.approximate_rows(family);
    }

private:
    /// One row more than is left ends the query: no scan brings more than that into memory.
    std::uint32_t within_budget(std::uint32_t limit) const {
        return static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, budget_.rows_left() + 1));
    }

    void count(std::size_t rows) const {
        rows_read_ += rows;
        budget_.spend_rows(rows);
    }

    const kv::reader& under_;
    query_budget& budget_;
    mutable std::uint64_t rows_read_ = 0;
};

}  // namespace pinhole::storage::query
