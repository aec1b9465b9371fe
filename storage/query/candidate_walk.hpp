// The rows that a plan has looked at, in its sequence. Part of list_query.cpp.
// Errors: those of the reader are thrown through.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/query/plan.hpp"

namespace pinhole::storage::query {

/// A place in an index by a number and the id.
struct place_of_walk {
    place at;
    walking direction;
};
/// The sort key of the row there, in a list by that number and the id.
std::string to_sort_key(const place_of_walk& of, bool descending);

class candidate_walk {
public:
    /// Begins at `from`, or, if the list's order goes on behind the sequence's first field (not
    /// `is_total`), at the first row that has the same first field.
    candidate_walk(row_reader& rows, const list_request& request, const plan& by, bool backwards,
                   const std::optional<position>& from, bool is_total);

    /// The next rows; fewer only at the end.
    std::vector<entity_id> next(std::size_t count);
    /// Where the last of them stood, if their places are numbers.
    std::optional<place_of_walk> last() const;

private:
    void open_text(const index_entry& index, const std::string& from, bool is_total);
    std::vector<entity_id> next_of_text(std::size_t count);

    row_reader& rows_;
    bool is_descending_;
    walking direction_;
    const std::vector<entity_id>* named_ = nullptr;
    std::size_t named_done_ = 0;
    std::unique_ptr<postings> places_;
    place least_{};
    std::optional<place> last_;
    kv::range text_;
    bool is_at_end_ = false;
};

}  // namespace pinhole::storage::query
