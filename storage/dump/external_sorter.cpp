#include "storage/dump/external_sorter.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <utility>

#include "storage/kv/byte_order.hpp"

namespace pinhole::storage::dump {

namespace {

/// Runs of one level that are merged to one of the next: what is written once more for it is
/// little, and so many buffers are small beside the share of memory.
constexpr std::size_t runs_per_merge = 64;
constexpr std::size_t run_buffer_bytes = std::size_t{256} << 10U;

/// The front of a key as numbers that compare as its bytes do. It is long enough to tell nearly all
/// keys apart without a look at the rest: the part, of which all entries of a global index have the
/// same; what is indexed; the time and the beginning of the id.
using key_front = std::array<std::uint64_t, 3>;

key_front front_of(std::string_view key) {
    std::array<char, sizeof(key_front)> bytes{};
    key.copy(bytes.data(), bytes.size());
    key_front front;
    for (std::size_t at = 0; at < front.size(); ++at) {
        front[at] = kv::load_u64(bytes.data() + at * sizeof front[at]);
    }
    return front;
}

}  // namespace

/// Where a record lies, and its key's front.
struct external_sorter::item {
    key_front front;
    std::uint64_t offset;
    std::uint32_t value_bytes;
    std::uint16_t key_bytes;
};

struct external_sorter::run {
    explicit run(const std::filesystem::path& directory) : file(directory) {}

    void append(const record& record) {
        std::array<char, 6> head;
        const auto key_bytes = static_cast<std::uint16_t>(record.key.size());
        const auto value_bytes = static_cast<std::uint32_t>(record.value.size());
        std::memcpy(head.data(), &key_bytes, sizeof key_bytes);
        std::memcpy(head.data() + sizeof key_bytes, &value_bytes, sizeof value_bytes);
        file.append({head.data(), head.size()});
        file.append(record.key);
        file.append(record.value);
    }

    spool_writer file;
};

/// Goes through several runs at once.
class external_sorter::merger {
private:
    auto is_behind() const {
        return [this](std::size_t a, std::size_t b) { return is_before(b, a); };
    }

public:
    explicit merger(std::vector<std::unique_ptr<run>> runs) : runs_(std::move(runs)) {
        sources_.reserve(runs_.size());
        for (std::size_t at = 0; at < runs_.size(); ++at) {
            spool_writer& file = runs_[at]->file;
            sources_.emplace_back(spool_reader{file.fd(), 0, file.size_bytes(), run_buffer_bytes},
                                  at);
            if (sources_.back().advance()) {
                heap_.push_back(at);
            }
        }
        std::ranges::make_heap(heap_, is_behind());
    }

    std::optional<record> next() {
        if (is_given_) {
            is_given_ = false;
            if (sources_[heap_.front()].advance()) {
                sift_down();
            } else {
                std::ranges::pop_heap(heap_, is_behind());
                heap_.pop_back();
            }
        }
        if (heap_.empty()) {
            return std::nullopt;
        }
        is_given_ = true;
        return sources_[heap_.front()].now;
    }

private:
    struct source {
        source(spool_reader from, std::size_t number) : reader(std::move(from)), order(number) {}

        bool advance() {
            const auto head = reader.take(6);
            if (!head) {
                return false;
            }
            std::uint16_t key_bytes = 0;
            std::uint32_t value_bytes = 0;
            std::memcpy(&key_bytes, head->data(), sizeof key_bytes);
            std::memcpy(&value_bytes, head->data() + sizeof key_bytes, sizeof value_bytes);
            const std::size_t whole = key_bytes + std::size_t{value_bytes};
            const std::string_view bytes = whole > 0 ? reader.take(whole).value() : "";
            now = {bytes.substr(0, key_bytes), bytes.substr(key_bytes)};
            front = front_of(now.key);
            return true;
        }

        spool_reader reader;
        std::size_t order;  ///< earlier runs hold earlier records
        record now;
        key_front front{};
    };

    bool is_before(std::size_t a, std::size_t b) const {
        if (sources_[a].front != sources_[b].front) {
            return sources_[a].front < sources_[b].front;
        }
        const int compared = sources_[a].now.key.compare(sources_[b].now.key);
        return compared != 0 ? compared < 0 : sources_[a].order < sources_[b].order;
    }

    /// The first source has moved on: half the work of taking it out and putting it in again.
    void sift_down() {
        std::size_t at = 0;
        for (;;) {
            std::size_t child = 2 * at + 1;
            if (child >= heap_.size()) {
                return;
            }
            if (child + 1 < heap_.size() && is_before(heap_[child + 1], heap_[child])) {
                ++child;
            }
            if (!is_before(heap_[child], heap_[at])) {
                return;
            }
            std::swap(heap_[child], heap_[at]);
            at = child;
        }
    }

    std::vector<std::unique_ptr<run>> runs_;
    std::vector<source> sources_;
    std::vector<std::size_t> heap_;
    bool is_given_ = false;
};

external_sorter::external_sorter(std::filesystem::path directory, std::size_t memory_bytes)
    : directory_(std::move(directory)),
      // Of an index entry about as much is its item as its bytes.
      bytes_max_(memory_bytes / 2),
      items_max_(std::max<std::size_t>(memory_bytes / 2 / sizeof(item), 1)) {}

external_sorter::~external_sorter() = default;

void external_sorter::add(std::string_view key, std::string_view value) {
    assert(merger_ == nullptr && key.size() <= UINT16_MAX);
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
    auto made = std::make_unique<run>(directory_);
    for (const item& item : items_) {
        made->append(record_of(item));
    }
    made->file.flush();
    items_.clear();
    bytes_.clear();
    if (levels_.empty()) {
        levels_.emplace_back();
    }
    levels_.front().push_back(std::move(made));
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        if (levels_[level].size() == runs_per_merge) {
            merge_runs(level);
        }
    }
}

void external_sorter::merge_runs(std::size_t level) {
    auto merged = std::make_unique<run>(directory_);
    merger runs{std::exchange(levels_[level], {})};
    while (const auto record = runs.next()) {
        merged->append(*record);
    }
    merged->file.flush();
    if (level + 1 == levels_.size()) {
        levels_.emplace_back();
    }
    levels_[level + 1].push_back(std::move(merged));
}

void external_sorter::finish() {
    if (levels_.empty()) {
        sort_items();
        return;
    }
    if (!items_.empty()) {
        spill();
    }
    items_ = {};
    bytes_ = {};
    // The most merged are the earliest.
    std::vector<std::unique_ptr<run>> all;
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
        std::ranges::move(*level, std::back_inserter(all));
    }
    levels_.clear();
    merger_ = std::make_unique<merger>(std::move(all));
}

std::optional<external_sorter::record> external_sorter::next() {
    if (merger_) {
        return merger_->next();
    }
    if (at_ == items_.size()) {
        return std::nullopt;
    }
    return record_of(items_[at_++]);
}

}  // namespace pinhole::storage::dump
