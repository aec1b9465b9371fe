// What is wrong with a dump, said so that whoever wrote it finds the place.
//
// For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace pinhole::storage::dump {

/// The first so many are kept; the others are counted.
inline constexpr std::size_t faults_kept_max = 100;

struct dump_fault {
    std::string file;        ///< in the dump, "likes.jsonl"; empty: the dump itself
    std::uint64_t line = 0;  ///< from 1; 0: the file as a whole
    std::string message;
};

/// "likes.jsonl:12: message"
std::string to_string(const dump_fault& fault);

class fault_list {
public:
    void add(std::string_view file, std::uint64_t line, std::string message);

    /// Of what only follows from a fault that is added next.
    void clear() {
        kept_.clear();
        total_ = 0;
    }
    /// So many that are not kept.
    void count_more(std::uint64_t faults) { total_ += faults; }

    bool empty() const { return total_ == 0; }
    std::uint64_t total() const { return total_; }
    /// In the order in which they were found.
    const std::vector<dump_fault>& kept() const { return kept_; }

private:
    std::vector<dump_fault> kept_;
    std::uint64_t total_ = 0;
};

/// What comes behind it cannot be read any more: thrown by whoever reads a dump, and caught where
/// faults are collected, to be the last of them.
struct unreadable_dump : std::runtime_error {
    unreadable_dump(std::string in_file, const std::string& problem)
        : std::runtime_error(problem), file(std::move(in_file)) {}
    std::string file;
};

/// Rows that others refer to come behind them: the references that are missing by then are not.
struct misordered_dump : unreadable_dump {
    using unreadable_dump::unreadable_dump;
};

}  // namespace pinhole::storage::dump
