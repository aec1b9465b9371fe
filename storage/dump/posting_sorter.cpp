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
/// Terms of fewer bytes than this are numbers: their bytes from the highest one on, their length in
/// the lowest one. That is nearly all of them, and quicker to look up.
constexpr std::size_t short_term_bytes = sizeof(std::uint64_t);
/// So many entries ahead, a row is asked for from memory: by the time it is needed it is there.
constexpr std::size_t prefetch_distance = 16;

std::uint64_t to_number(std::string_view short_term) {
    std::array<char, short_term_bytes> bytes{};
    short_term.copy(bytes.data(), bytes.size());
    bytes.back() = static_cast<char>(short_term.size());
    return kv::load_u64(bytes.data());
}

std::string to_term(std::uint64_t number) {
    std::array<char, short_term_bytes> bytes;
    kv::store_u64(bytes.data(), number);
    return {bytes.data(), static_cast<std::size_t>(bytes.back())};
}

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
    if (rows_.empty()) {  // once and for all: growing would take as much again
        rows_.reserve(rows_max_ + 1);
        terms_.reserve(entries_max_ + terms_of_row);
    }
    rows_.push_back(
        {.at = {kv::load_u64(place.data()), kv::load_u64(place.data() + sizeof(std::uint64_t))},
         .begin = static_cast<std::uint32_t>(terms_.size()),
         .count = 0});
}

std::uint32_t posting_sorter::number_of(std::string_view term) {
    const auto next = static_cast<std::uint32_t>(states_.size());
    std::uint32_t number = next;
    if (term.size() < short_term_bytes) {
        number = short_numbers_.try_emplace(to_number(term), next).first->second;
    } else if (const auto found = numbers_.find(term); found != numbers_.end()) {
        number = found->second;
    } else {
        numbers_.emplace(term, next);
    }
    if (number == next) {
        states_.emplace_back();
        terms_bytes_ += term.size() + term_cost_bytes;
    }
    return number;
}

void posting_sorter::add(std::string_view term) {
    const std::uint32_t number = number_of(term);
    term_state& state = states_[number];
    const auto rows = static_cast<std::uint32_t>(rows_.size());
    if (state.rows == rows) {
        return;
    }
    state.rows = rows;
    ++state.entries;
    terms_.push_back(number);
    ++rows_.back().count;
    ++added_;
}

std::vector<std::pair<std::string, std::uint32_t>> posting_sorter::terms_in_order() const {
    std::vector<std::pair<std::string, std::uint32_t>> terms(numbers_.begin(), numbers_.end());
    terms.reserve(states_.size());
    for (const auto& [term, number] : short_numbers_) {
        terms.emplace_back(to_term(term), number);
    }
    std::ranges::sort(terms);
    return terms;
}

/// A counting sort by terms, which is stable, of rows that are in order.
void posting_sorter::sort() {
    const auto in_order = [](const row& a, const row& b) { return a.at < b.at; };
    if (!std::ranges::is_sorted(rows_.values(), in_order)) {
        std::ranges::sort(rows_.values(), in_order);
    }
    ranges_.clear();
    ranges_.reserve(states_.size());
    std::vector<std::size_t> ends(states_.size());  // of what is there of each term by now
    std::size_t end = 0;
    for (auto& [term, number] : terms_in_order()) {
        ends[number] = end;
        end += states_[number].entries;
        ranges_.push_back({std::move(term), end});
    }
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
    short_numbers_.clear();
    states_.clear();
    ranges_.clear();
    sorted_.clear();
    terms_bytes_ = 0;
}

void posting_sorter::finish() {
    if (runs_.empty()) {
        sort();
        forget_terms();
        return;
    }
    if (!terms_.empty()) {
        spill();
    }
    forget_terms();
    rows_.give_back();
    sorted_.give_back();
    runs_.finish();
}

/// Gives back what only sorting needs.
void posting_sorter::forget_terms() {
    terms_.give_back();
    numbered_terms{}.swap(numbers_);
    numbered_short_terms{}.swap(short_numbers_);
    std::vector<term_state>{}.swap(states_);
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
