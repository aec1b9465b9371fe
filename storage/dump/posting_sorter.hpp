// Sorts the entries of inverted indexes, of which there are many more than of anything else: some
// ten for each word of a text. An entry's key is a *term* and the *place* of the row that has it;
// a row comes with all of its terms, and out come the keys, compared as unsigned bytes.
//
// It inverts in memory, as search engines do (Manning, Raghavan and Schütze, "Introduction to
// Information Retrieval", 4.3): each term gets a number when it is first seen, an entry is the
// number of its term and the number of its row, and a counting sort, which takes the rows in the
// order of their places, brings the rows of each term together. No two entries are ever compared,
// and one takes 8 bytes. Only what has to be spilled is written out as keys and merged.
//
// For one thread at a time. Blocks: on the disk. Errors: throws std::system_error.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/dump/sort_memory.hpp"
#include "storage/dump/sorted_runs.hpp"

namespace pinhole::storage::dump {

class posting_sorter {
public:
    static constexpr std::size_t place_bytes = 16;

    /// Temporary files, without names, are made in `directory`.
    posting_sorter(std::filesystem::path directory, std::size_t memory_bytes);

    /// The terms that are added next are those of a row with this place, of `place_bytes`.
    void begin_row(std::string_view place);
    /// One that the row has already is not added again. Requires: no term is the beginning of
    /// another one; a term of at most 48 KiB.
    void add(std::string_view term);
    std::uint64_t size() const { return added_; }

    /// No more rows come: from here on `next` goes through the keys.
    void finish();
    /// Valid until the next call. Nothing at the end. Requires: `finish`.
    std::optional<std::string_view> next();

private:
    using place = std::array<std::uint64_t, 2>;  ///< as numbers that compare as its bytes do
    struct row {
        place at;
        std::uint32_t begin;  ///< of its terms
        std::uint32_t count;
    };
    struct term_hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view term) const {
            return std::hash<std::string_view>{}(term);
        }
    };
    /// By the terms themselves, and nearly all of them by their few bytes as one number.
    using numbered_terms =
        boost::unordered_flat_map<std::string, std::uint32_t, term_hash, std::equal_to<>>;
    using numbered_short_terms = boost::unordered_flat_map<std::uint64_t, std::uint32_t>;
    struct term_state {
        std::uint32_t entries = 0;
        std::uint32_t rows = 0;  ///< that there were when it was added last
    };
    /// A term and where its rows end, in order of terms.
    struct term_range {
        std::string term;
        std::size_t end;
    };

    std::uint32_t number_of(std::string_view term);
    std::vector<std::pair<std::string, std::uint32_t>> terms_in_order() const;
    bool is_full() const;
    void sort();
    void spill();
    void clear();
    void forget_terms();
    std::optional<std::string_view> next_in_memory();

    std::size_t entries_max_;
    std::size_t rows_max_;
    std::size_t terms_bytes_max_;
    sort_memory<row> rows_;
    sort_memory<std::uint32_t> terms_;  ///< of all rows, by number
    numbered_terms numbers_;
    numbered_short_terms short_numbers_;
    std::vector<term_state> states_;  ///< of each term
    std::size_t terms_bytes_ = 0;
    sorted_runs runs_;
    std::uint64_t added_ = 0;

    // What `sort` makes, and how far `next_in_memory` has got.
    std::vector<term_range> ranges_;
    sort_memory<std::uint32_t> sorted_;  ///< rows, term by term
    std::size_t range_at_ = 0;
    std::size_t at_ = 0;
    std::string key_;
};

}  // namespace pinhole::storage::dump
