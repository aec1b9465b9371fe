// Runs of sorted records in temporary files, read as one: what a sorter spills when its share of
// memory is full (external_sorter.hpp, posting_sorter.hpp).
//
// Records come out by their keys, compared as unsigned bytes; among equal keys, those of an earlier
// run first. Runs are merged before the end as well, whenever there are too many, so that memory is
// bounded whatever comes.
//
// For one thread at a time. Blocks: on the disk. Errors: throws std::system_error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "storage/dump/spool_file.hpp"

namespace pinhole::storage::dump {

/// Requires: a key of at most 64 KiB, a value of at most 4 GiB.
struct sort_record {
    std::string_view key;
    std::string_view value;
};

class sorted_runs {
public:
    /// The files, without names, are made in `directory`.
    explicit sorted_runs(std::filesystem::path directory);
    ~sorted_runs();
    sorted_runs(const sorted_runs&) = delete;
    sorted_runs& operator=(const sorted_runs&) = delete;

    bool empty() const { return is_empty_; }

    /// A run is begun, gets its records in ascending order of their keys, and is ended.
    void begin_run();
    void append(const sort_record& record);
    void end_run();

    /// No more runs come: from here on `next` goes through them.
    void finish();
    /// Valid until the next call. Nothing at the end. Requires: `finish`.
    std::optional<sort_record> next();

private:
    class merger;
    using run = std::unique_ptr<spool_writer>;

    void merge_level(std::size_t level);

    std::filesystem::path directory_;
    std::vector<std::vector<run>> levels_;  ///< runs merged so many times
    run open_;
    bool is_empty_ = true;
    std::unique_ptr<merger> merger_;
};

}  // namespace pinhole::storage::dump
