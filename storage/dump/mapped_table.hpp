// What a dump's users and posts are asked about again and again while the rows behind them are
// read: is there one with this id, is it alive, how many likes has it by now. A table of entries of
// a fixed size, sorted by id, in a temporary file that is mapped into memory.
//
// Why a file: a table of all posts must not be bounded by memory. The kernel keeps what is used in
// memory while there is some, and writes the rest to the file. Why not a database: rows come in the
// order of their ids, so the table is appended to and searched by halving, which takes some 100 ns,
// and needs no building.
//
// For one thread. Blocks: on the disk. Errors: throws std::system_error; room is reserved before it
// is used, so a full disk is an error and not a signal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <type_traits>

#include "storage/base/id.hpp"
#include "storage/base/unique_fd.hpp"

namespace pinhole::storage::dump {

/// A mapped file that grows.
class mapped_file {
public:
    explicit mapped_file(const std::filesystem::path& directory);
    ~mapped_file();
    mapped_file(const mapped_file&) = delete;
    mapped_file& operator=(const mapped_file&) = delete;

    /// At least so many bytes; where they lie may change.
    void reserve(std::size_t bytes);
    void* data() const { return data_; }

private:
    unique_fd file_;
    void* data_ = nullptr;
    std::size_t bytes_ = 0;
};

/// `Entry` begins with its `id`.
template <class Entry>
class mapped_table {
    static_assert(std::is_trivially_copyable_v<Entry>);

public:
    explicit mapped_table(const std::filesystem::path& directory) : file_(directory) {}

    /// Requires: an id above all that are there.
    void append(const Entry& entry) {
        file_.reserve((count_ + 1) * sizeof(Entry));
        static_cast<Entry*>(file_.data())[count_++] = entry;
    }

    /// Valid until the next `append`.
    Entry* find(entity_id id) {
        const auto all = entries();
        const auto at = std::ranges::lower_bound(all, id, {}, &Entry::id);
        return at != all.end() && at->id == id ? &*at : nullptr;
    }

    std::span<Entry> entries() { return {static_cast<Entry*>(file_.data()), count_}; }

private:
    mapped_file file_;
    std::size_t count_ = 0;
};

}  // namespace pinhole::storage::dump
