// Sorts more records than fit in memory: a record is a key and a value, and they come out by their
// keys, compared as unsigned bytes; among equal keys in the order in which they came.
//
// It collects records until its share of memory is full, sorts them, and writes them to a temporary
// file as a run; at the end the runs are merged.
//
// For one thread at a time. Blocks: on the disk. Errors: throws std::system_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/dump/sorted_runs.hpp"

namespace pinhole::storage::dump {

class external_sorter {
public:
    using record = sort_record;

    /// Temporary files, without names, are made in `directory`.
    external_sorter(std::filesystem::path directory, std::size_t memory_bytes);
    ~external_sorter();
    external_sorter(const external_sorter&) = delete;
    external_sorter& operator=(const external_sorter&) = delete;

    /// Requires: as sort_record.
    void add(std::string_view key, std::string_view value);
    std::uint64_t size() const { return added_; }

    /// No more records come: from here on `next` goes through them.
    void finish();
    /// Valid until the next call. Nothing at the end. Requires: `finish`.
    std::optional<record> next();

private:
    struct item;

    void sort_items();
    record record_of(const item& item) const;
    void spill();

    std::size_t bytes_max_;
    std::size_t items_max_;
    std::string bytes_;  ///< keys and values, one behind the other
    std::vector<item> items_;
    sorted_runs runs_;
    std::uint64_t added_ = 0;
    std::size_t at_ = 0;  ///< where `next` stands, if all is in memory
};

}  // namespace pinhole::storage::dump
