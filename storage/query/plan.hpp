// Chooses how a list's rows are found. Costs are counted in rows that have to be read, and come
// from bounded probing: how many rows a test leads to is found by collecting them, up to a limit
// beyond which they would not be worth having; how many an index part has, from its newest entries
// and the time they cover.
//
// A walk in the wanted order that looks for a page of p rows among n, of which s fit, expects to
// read p n / s of them; collecting the s first costs about 2 s. So collecting pays as long as
// s < sqrt(p n / 2), and nothing beyond needs to be known. The estimate takes rows that fit to be
// spread evenly. Where they are not, the walk is given up after some times what was expected, and
// the other way is tried after all (as dynamic competition does, Antoshenkov, "Dynamic Query
// Optimization in Rdb/VMS", 1993): a wrong guess costs a small factor, never a scan.
//
// One planner serves one query on one thread. Errors: those of the reader are thrown through.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/query/access.hpp"
#include "storage/query/list_query.hpp"
#include "storage/query/ranked.hpp"

namespace pinhole::storage::query {

/// The order in which candidates come.
enum class sequence : std::uint8_t {
    time,   ///< by `created_at`
    count,  ///< by a counter's index
    text,   ///< by an index of a text field
    none,   ///< all have to be seen before the first can be shown
};

struct plan {
    sequence in = sequence::none;
    /// Intersected; of `none`, one of rows alone is what is looked at.
    std::vector<access> accesses = {};
    const rank_entry* rank = nullptr;         ///< of `count`
    count_range counts = {};                  ///< of `count`
    const index_entry* text_index = nullptr;  ///< of `text`
    time_bounds within = {};                  ///< of `time`, and of `none` without rows
    std::vector<const test*> served = {};     ///< tests that need not be asked any more
    /// Rows that a walk may read before the planner is asked again.
    std::optional<std::uint64_t> allowance = {};

    bool is_of_rows() const {
        return accesses.size() == 1 && accesses.front().what == access::kind::rows;
    }
    std::string name(entity root) const;
    std::string bounds() const;
};

class planner {
public:
    planner(evaluator& evaluate, const list_request& request);

    plan choose();
    /// After a walk has used up its allowance; nothing: it is still the best there is.
    std::optional<plan> reconsider();

private:
    plan choose_by_time(std::vector<access> cheap);
    plan choose_by_index(plan ordered, std::vector<access> cheap);
    plan choose_unordered(std::vector<access> cheap);
    plan in_time(std::vector<access> accesses, sequence in = sequence::time) const;
    std::optional<plan> of_fewest_rows(std::vector<access>& found) const;
    std::optional<plan> collect_rows(std::size_t rows_max);
    bool could_collect(const std::vector<access>& found) const;
    bool could_collect(const condition& of, const std::vector<access>& found) const;
    std::uint64_t estimate_all(const std::vector<access>& found);
    std::uint64_t total();
    std::optional<plan> find_order_index();

    row_reader& rows_;
    access_finder finder_;
    const list_request& request_;
    const entity_entry& root_;
    std::vector<const test*> tests_;  ///< that hold together
    time_bounds within_;
    std::vector<const test*> served_by_bounds_;
    std::vector<const test*> served_by_order_;  ///< by an index other than by time
    std::uint64_t total_ = 0;                   ///< not known yet
};

}  // namespace pinhole::storage::query
