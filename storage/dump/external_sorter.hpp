// Sorts more records than fit in memory: a record is a key and a value, and they come out by their
// keys, compared as unsigned bytes; among equal keys in the order in which they came.
//
// It collects records until its share of memory is full, sorts them, and writes them to a temporary
// file as a run; at the end the runs are merged. Of an index entry the key's front, which most
// comparisons end with, is nearly all there is, so that stands in the item that is sorted, and only
// what is behind it elsewhere.
//
// For one thread at a time, and in the end for one to each range. Blocks: on the disk. Errors:
// throws std::system_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/dump/key_front.hpp"
#include "storage/dump/sort_memory.hpp"
#include "storage/dump/sorted_runs.hpp"

namespace pinhole::storage::dump {

class external_sorter {
public:
    using record = sort_record;

    /// Temporary files, without names, are made in `directory`.
    external_sorter(std::filesystem::path directory, std::size_t memory_bytes);

    /// Requires: as sort_record.
    void add(std::string_view key, std::string_view value);
    std::uint64_t size() const { return added_; }

    /// Records between two keys, in order. For one thread at a time, other ranges for others.
    class range {
    public:
        /// Valid until the next call. Nothing at the end.
        std::optional<record> next();

    private:
        friend external_sorter;
        range(external_sorter& sorter, std::size_t begin, std::size_t end)
            : sorter_(&sorter), at_(begin), end_(end) {}

        external_sorter* sorter_;
        bool is_sorted_ = false;
        std::size_t at_;  ///< of the items, if all are in memory
        std::size_t end_;
        std::string key_;  ///< of the record that was given last
    };

    /// No more records come: here they are, in ranges one behind the other, each of which sorts its
    /// own. So many of the same length if all lie in memory; a single one if they do not. Once. The
    /// sorter outlives them.
    std::vector<range> ranges(std::size_t count);

    /// Likewise, as one range that `next` goes through.
    void finish();
    /// Valid until the next call. Nothing at the end. Requires: `finish`.
    std::optional<record> next() { return all_.front().next(); }

private:
    /// A key's front, and where its rest and the value lie: the value's length, and then they
    /// themselves.
    struct item {
        key_front front;
        std::uint32_t offset;
        std::uint32_t key_bytes;
    };
    struct rest {
        std::string_view key;
        std::string_view value;
    };

    bool has_room_for(std::size_t bytes) const;
    auto is_before() const;
    void sort_items(std::size_t begin, std::size_t end);
    rest rest_of(const item& item) const;
    record record_of(std::size_t at, std::size_t end, std::string& key) const;
    void spill();

    std::size_t memory_bytes_;
    sort_memory<char> bytes_;  ///< what items are without, one behind the other
    sort_memory<item> items_;
    sorted_runs runs_;
    std::uint64_t added_ = 0;
    std::vector<range> all_;  ///< one, for `next`
};

}  // namespace pinhole::storage::dump
