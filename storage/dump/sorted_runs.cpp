#include "storage/dump/sorted_runs.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <iterator>
#include <utility>

#include "storage/dump/key_front.hpp"

namespace pinhole::storage::dump {

namespace {

/// Runs of one level that are merged to one of the next: what is written once more for it is
/// little, and so many buffers are small beside the share of memory.
constexpr std::size_t runs_per_merge = 64;
constexpr std::size_t run_buffer_bytes = std::size_t{256} << 10U;

/// Before each record: the lengths of its key and value.
constexpr std::size_t head_bytes = sizeof(std::uint16_t) + sizeof(std::uint32_t);

void write(spool_writer& out, const sort_record& record) {
    std::array<char, head_bytes> head;
    const auto key_bytes = static_cast<std::uint16_t>(record.key.size());
    const auto value_bytes = static_cast<std::uint32_t>(record.value.size());
    std::memcpy(head.data(), &key_bytes, sizeof key_bytes);
    std::memcpy(head.data() + sizeof key_bytes, &value_bytes, sizeof value_bytes);
    out.append({head.data(), head.size()});
    out.append(record.key);
    out.append(record.value);
}

}  // namespace

/// Goes through several runs at once.
class sorted_runs::merger {
private:
    auto is_behind() const {
        return [this](std::size_t a, std::size_t b) { return is_before(b, a); };
    }

public:
    explicit merger(std::vector<run> runs) : runs_(std::move(runs)) {
        sources_.reserve(runs_.size());
        for (std::size_t at = 0; at < runs_.size(); ++at) {
            spool_writer& file = *runs_[at];
            sources_.emplace_back(spool_reader{file.fd(), 0, file.size_bytes(), run_buffer_bytes},
                                  at);
            if (sources_.back().advance()) {
                heap_.push_back(at);
            }
        }
        std::ranges::make_heap(heap_, is_behind());
    }

    std::optional<sort_record> next() {
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
            const auto head = reader.take(head_bytes);
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
        sort_record now{};
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

    std::vector<run> runs_;
    std::vector<source> sources_;
    std::vector<std::size_t> heap_;
    bool is_given_ = false;
};

sorted_runs::sorted_runs(std::filesystem::path directory) : directory_(std::move(directory)) {}

sorted_runs::~sorted_runs() = default;

void sorted_runs::begin_run() {
    assert(open_ == nullptr && merger_ == nullptr);
    open_ = std::make_unique<spool_writer>(directory_);
    is_empty_ = false;
}

void sorted_runs::append(const sort_record& record) {
    assert(record.key.size() <= UINT16_MAX);
    write(*open_, record);
}

void sorted_runs::end_run() {
    open_->end();
    if (levels_.empty()) {
        levels_.emplace_back();
    }
    levels_.front().push_back(std::move(open_));
    for (std::size_t level = 0; level < levels_.size(); ++level) {
        if (levels_[level].size() == runs_per_merge) {
            merge_level(level);
        }
    }
}

void sorted_runs::merge_level(std::size_t level) {
    auto merged = std::make_unique<spool_writer>(directory_);
    merger runs{std::exchange(levels_[level], {})};
    while (const auto record = runs.next()) {
        write(*merged, *record);
    }
    merged->end();
    if (level + 1 == levels_.size()) {
        levels_.emplace_back();
    }
    levels_[level + 1].push_back(std::move(merged));
}

void sorted_runs::finish() {
    // The most merged are the earliest.
    std::vector<run> all;
    for (auto level = levels_.rbegin(); level != levels_.rend(); ++level) {
        std::ranges::move(*level, std::back_inserter(all));
    }
    levels_.clear();
    merger_ = std::make_unique<merger>(std::move(all));
}

std::optional<sort_record> sorted_runs::next() {
    return merger_->next();
}

}  // namespace pinhole::storage::dump
