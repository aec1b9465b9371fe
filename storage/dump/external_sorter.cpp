#include "storage/dump/external_sorter.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/dump/key_front.hpp"

namespace pinhole::storage::dump {

/// Where a record lies, and its key's front.
struct external_sorter::item {
    key_front front;
    std::uint64_t offset;
    std::uint32_t value_bytes;
    std::uint16_t key_bytes;
};

external_sorter::external_sorter(std::filesystem::path directory, std::size_t memory_bytes)
    :  // Of an index entry about as much is its item as its bytes.
      bytes_max_(memory_bytes / 2),
      items_max_(std::max<std::size_t>(memory_bytes / 2 / sizeof(item), 1)),
      runs_(std::move(directory)) {}

external_sorter::~external_sorter() = default;

void external_sorter::add(std::string_view key, std::string_view value) {
    assert(key.size() <= UINT16_MAX);
    if (!items_.empty() &&
        (items_.size() == items_max_ || bytes_.size() + key.size() + value.size() > bytes_max_)) {
        spill();
    }
    if (added_ == 0) {  // once and for all: growing would take as much again
        bytes_.reserve(bytes_max_);
        items_.reserve(items_max_);
    }
    items_.push_back({.front = front_of(key),
                      .offset = bytes_.size(),
                      .value_bytes = static_cast<std::uint32_t>(value.size()),
                      .key_bytes = static_cast<std::uint16_t>(key.size())});
    bytes_ += key;
    bytes_ += value;
    ++added_;
}

external_sorter::record external_sorter::record_of(const item& item) const {
    const std::string_view bytes{bytes_};
    return {bytes.substr(item.offset, item.key_bytes),
            bytes.substr(item.offset + item.key_bytes, item.value_bytes)};
}

void external_sorter::sort_items() {
    std::ranges::sort(items_, [this](const item& a, const item& b) {
        if (a.front != b.front) {
            return a.front < b.front;
        }
        const int compared = record_of(a).key.compare(record_of(b).key);
        return compared != 0 ? compared < 0 : a.offset < b.offset;
    });
}

void external_sorter::spill() {
    sort_items();
    runs_.begin_run();
    for (const item& item : items_) {
        runs_.append(record_of(item));
    }
    runs_.end_run();
    items_.clear();
    bytes_.clear();
}

void external_sorter::finish() {
    if (runs_.empty()) {
        sort_items();
        return;
    }
    if (!items_.empty()) {
        spill();
    }
    items_ = {};
    bytes_ = {};
    runs_.finish();
}

std::optional<external_sorter::record> external_sorter::next() {
    if (!runs_.empty()) {
        return runs_.next();
    }
    if (at_ == items_.size()) {
        return std::nullopt;
    }
    return record_of(items_[at_++]);
}

}  // namespace pinhole::storage::dump
