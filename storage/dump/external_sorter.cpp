#include "storage/dump/external_sorter.hpp"

#include <algorithm>
#include <boost/sort/pdqsort/pdqsort.hpp>
#include <cassert>
#include <cstring>
#include <utility>

namespace pinhole::storage::dump {

namespace {

/// Where an item says that its rest begins.
constexpr std::size_t bytes_max = UINT32_MAX;
/// So many records ahead, an item's rest is asked for from memory: once sorted, they lie anywhere.
constexpr std::size_t prefetch_distance = 16;

}  // namespace

external_sorter::external_sorter(std::filesystem::path directory, std::size_t memory_bytes)
    : memory_bytes_(std::max(memory_bytes, sizeof(item))), runs_(std::move(directory)) {}

bool external_sorter::has_room_for(std::size_t bytes) const {
    return (items_.size() + 1) * sizeof(item) + bytes_.size() + bytes <= memory_bytes_ &&
           bytes_.size() + bytes <= bytes_max;
}

void external_sorter::add(std::string_view key, std::string_view value) {
    assert(key.size() <= UINT16_MAX);
    assert(value.size() <= UINT32_MAX);
    const std::string_view behind = key.substr(std::min(key.size(), sizeof(key_front)));
    const auto value_bytes = static_cast<std::uint32_t>(value.size());
    const std::size_t needed = sizeof value_bytes + behind.size() + value.size();
    if (!items_.empty() && !has_room_for(needed)) {
        spill();
    }
    if (items_.empty()) {
        // Once for each run: growing would take as much again. What is not used of it, and half of
        // it is not, never becomes memory.
        bytes_.reserve(memory_bytes_);
        items_.reserve(memory_bytes_ / sizeof(item));
    }
    items_.push_back({.front = front_of(key),
                      .offset = static_cast<std::uint32_t>(bytes_.size()),
                      .key_bytes = static_cast<std::uint32_t>(key.size())});
    const auto* length = reinterpret_cast<const char*>(&value_bytes);
    bytes_.append(length, sizeof value_bytes);
    bytes_.append(behind.data(), behind.size());
    bytes_.append(value.data(), value.size());
    ++added_;
}

external_sorter::rest external_sorter::rest_of(const item& item) const {
    std::uint32_t value_bytes = 0;
    std::memcpy(&value_bytes, bytes_.data() + item.offset, sizeof value_bytes);
    const char* begin = bytes_.data() + item.offset + sizeof value_bytes;
    const std::size_t behind =
        item.key_bytes - std::min<std::size_t>(item.key_bytes, sizeof(key_front));
    return {{begin, behind}, {begin + behind, value_bytes}};
}

/// Of items up to `end`: what is behind them may just be sorted by another thread. `key` becomes
/// the record's.
external_sorter::record external_sorter::record_of(std::size_t at, std::size_t end,
                                                   std::string& key) const {
    __builtin_prefetch(bytes_.data() + items_[std::min(at + prefetch_distance, end - 1)].offset);
    const item& item = items_[at];
    const rest rest = rest_of(item);
    key.resize(std::max<std::size_t>(item.key_bytes, sizeof(key_front)));
    store_front(key.data(), item.front);
    rest.key.copy(key.data() + sizeof(key_front), rest.key.size());
    return {std::string_view{key}.substr(0, item.key_bytes), rest.value};
}

auto external_sorter::is_before() const {
    return [this](const item& a, const item& b) {
        if (a.front != b.front) {
            return a.front < b.front;
        }
        // A key that ends in its front is filled up with zeros, as is no longer one.
        if (a.key_bytes <= sizeof(key_front) || b.key_bytes <= sizeof(key_front)) {
            return a.key_bytes != b.key_bytes ? a.key_bytes < b.key_bytes : a.offset < b.offset;
        }
        const int compared = rest_of(a).key.compare(rest_of(b).key);
        return compared != 0 ? compared < 0 : a.offset < b.offset;
    };
}

void external_sorter::sort_items(std::size_t begin, std::size_t end) {
    const auto part = items_.values().subspan(begin, end - begin);
    boost::sort::pdqsort_branchless(part.begin(), part.end(), is_before());
}

void external_sorter::spill() {
    sort_items(0, items_.size());
    runs_.begin_run();
    std::string key;
    for (std::size_t at = 0; at < items_.size(); ++at) {
        runs_.append(record_of(at, items_.size(), key));
    }
    runs_.end_run();
    // Given back, since records that come later may need the room elsewhere.
    items_.give_back();
    bytes_.give_back();
}

std::vector<external_sorter::range> external_sorter::ranges(std::size_t count) {
    std::vector<range> all;
    if (!runs_.empty()) {
        if (!items_.empty()) {
            spill();
        }
        runs_.finish();
        all.push_back({*this, 0, 0});
        return all;
    }
    const std::size_t size = items_.size();
    const auto items = items_.values();
    for (std::size_t number = 0; number < count; ++number) {
        const std::size_t begin = size / count * number;
        const std::size_t end = number + 1 == count ? size : size / count * (number + 1);
        if (end < size) {
            const auto rest = items.subspan(begin);
            std::ranges::nth_element(rest, rest.subspan(end - begin).begin(), is_before());
        }
        all.push_back({*this, begin, end});
    }
    return all;
}

std::optional<external_sorter::record> external_sorter::range::next() {
    if (!sorter_->runs_.empty()) {
        return sorter_->runs_.next();
    }
    if (!std::exchange(is_sorted_, true)) {
        sorter_->sort_items(at_, end_);
    }
    if (at_ == end_) {
        return std::nullopt;
    }
    return sorter_->record_of(at_++, end_, key_);
}

void external_sorter::finish() {
    all_ = ranges(1);
}

}  // namespace pinhole::storage::dump
