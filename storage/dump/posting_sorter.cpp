#include "storage/dump/posting_sorter.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/kv/byte_order.hpp"

namespace pinhole::storage::dump {

namespace {

/// Of the share of memory: an eighth for rows, of which one has many entries, one for terms, of
/// which each has many, too, and the rest for entries.
constexpr std::size_t shares = 8;
/// The number of an entry's term, and then that of its row.
constexpr std::size_t entry_bytes = 2 * sizeof(std::uint32_t);
/// Far above the terms of any row: those of the row that fills the share need room, too.
constexpr std::size_t terms_of_row = std::size_t{16} << 10U;
/// About what a term takes besides its bytes, also while the table of terms grows.
constexpr std::size_t term_cost_bytes = 128;
/// So many entries ahead, a row is asked for from memory: by the time it is needed it is there.
constexpr std::size_t prefetch_distance = 16;

}  // namespace

posting_sorter::posting_sorter(std::filesystem::path directory, std::size_t memory_bytes)
    : entries_max_(std::min<std::size_t>(memory_bytes / shares * (shares - 2) / entry_bytes,
                                         UINT32_MAX / 2)),
      rows_max_(memory_bytes / shares / sizeof(row)),
      terms_bytes_max_(memory_bytes / shares),
      runs_(std::move(directory)) {}

bool posting_sorter::is_full() const {
    return terms_.size() >= entries_max_ || rows_.size() >= rows_max_ ||
           terms_bytes_ >= terms_bytes_max_;
}

void posting_sorter::begin_row(std::string_view place) {
    assert(place.size() == place_bytes);
    if (is_full() && !terms_.empty()) {
        spill();
    }
    if (rows_.capacity() == 0) {  // once and for all: growing would take as much again
        rows_.reserve(rows_max_ + 1);
        terms_.reserve(entries_max_ + terms_of_row);
    }
    rows_.push_back(
        {.at = {kv::load_u64(place.data()), kv::load_u64(place.data() + sizeof(std::uint64_t))},
         .begin = static_cast<std::uint32_t>(terms_.size()),
         .count = 0});
}

void posting_sorter::add(std::string_view term) {
    auto found = numbers_.find(term);
    if (found == numbers_.end()) {
        found = numbers_.emplace(term, static_cast<std::uint32_t>(counts_.size())).first;
        counts_.push_back(0);
        terms_bytes_ += term.size() + term_cost_bytes;
    }
    ++counts_[found->second];
    terms_.push_back(found->second);
    ++rows_.back().count;
    ++added_;
}

/// A counting sort by terms, which is stable, of rows that are in order.
void posting_sorter::sort() {
    const auto in_order = [](const row& a, const row& b) { return a.at < b.at; };
    if (!std::ranges::is_sorted(rows_, in_order)) {
        std::ranges::sort(rows_, in_order);
    }
    std::vector<std::pair<std::string_view, std::uint32_t>> in_term_order(numbers_.begin(),
                                                                          numbers_.end());
    std::ranges::sort(in_term_order);
    ranges_.clear();
    ranges_.reserve(in_term_order.size());
    std::vector<std::size_t> ends(counts_.size());  // of what is there of each term by now
    std::size_t end = 0;
    for (const auto& [term, number] : in_term_order) {
        ends[number] = end;
        end += counts_[number];
        ranges_.push_back({term, end});
    }
    sorted_.reserve(terms_.capacity());
    sorted_.resize(terms_.size());
    for (std::uint32_t number = 0; number < rows_.size(); ++number) {
        const row& row = rows_[number];
        for (std::size_t at = row.begin; at < std::size_t{row.begin} + row.count; ++at) {
            sorted_[ends[terms_[at]]++] = number;
        }
    }
    range_at_ = 0;
    at_ = 0;
    key_.clear();
}

void posting_sorter::spill() {
    sort();
    runs_.begin_run();
    while (const auto key = next_in_memory()) {
        runs_.append({.key = *key, .value = {}});
    }
    runs_.end_run();
    clear();
}

void posting_sorter::clear() {
    rows_.clear();
    terms_.clear();
    numbers_.clear();
    counts_.clear();
    ranges_.clear();
    sorted_.clear();
    terms_bytes_ = 0;
}

void posting_sorter::finish() {
    if (runs_.empty()) {
        sort();
        terms_ = {};
        return;
    }
    if (!terms_.empty()) {
        spill();
    }
    rows_ = {};
    terms_ = {};
    numbers_ = {};
    counts_ = {};
    sorted_ = {};
    runs_.finish();
}

std::optional<std::string_view> posting_sorter::next_in_memory() {
    if (at_ == sorted_.size()) {
        return std::nullopt;
    }
    while (at_ == ranges_[range_at_].end) {
        ++range_at_;
        key_.clear();
    }
    const std::string_view term = ranges_[range_at_].term;
    if (key_.empty()) {
        key_ = term;
        key_.resize(term.size() + place_bytes);
    }
    // Rows are met in their order only within a term, and most terms are rare.
    __builtin_prefetch(&rows_[sorted_[std::min(at_ + prefetch_distance, sorted_.size() - 1)]]);
    const row& row = rows_[sorted_[at_++]];
    kv::store_u64(key_.data() + term.size(), row.at[0]);
    kv::store_u64(key_.data() + term.size() + sizeof(std::uint64_t), row.at[1]);
    return key_;
}

std::optional<std::string_view> posting_sorter::next() {
    if (runs_.empty()) {
        return next_in_memory();
    }
    const auto record = runs_.next();
    return record ? std::optional{record->key} : std::nullopt;
}

}  // namespace pinhole::storage::dump
