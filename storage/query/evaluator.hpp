// Whether a condition holds of a row, and what a row is ordered by. The meaning of a query, without
// a plan: the planner may find rows in another way, never other rows.
//
// A row is there if it and everything it hangs under are alive; only such rows are looked at, also
// on the far side of a relation. One evaluator serves one query on one thread.
// Errors: those of the reader are thrown through, and over_budget.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "storage/query/condition.hpp"
#include "storage/query/query_budget.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage::query {

class evaluator {
public:
    /// The budget is charged for looking at texts, which reads no rows.
    evaluator(row_reader& rows, query_budget& budget) : rows_(rows), budget_(budget) {}

    bool is_visible(const any_row& row);
    /// The same but for what the row refers to of this kind, which is looked at by itself.
    bool is_visible_beside(entity referred, const any_row& row);
    bool holds(const condition& of, const any_row& row);
    /// False only if the row by itself, with nothing read for it, says that it does not hold.
    bool could_hold(const condition& of, const any_row& row);
    /// Whether a test that begins elsewhere holds of a row to which so many of its relations lead.
    bool holds_along(const test& of, std::size_t step, const any_row& row);

    /// What a row is ordered by, as bytes: rows are in order as these are.
    std::string sort_key(std::span<const order_key> order, const any_row& row);

    /// Reads in batches what `is_visible` will ask of these rows.
    void load_parents(std::span<const any_row> batch);
    /// Reads in batches what `is_visible_beside` will ask of them.
    void load_people(std::span<const any_row> batch);

    row_reader& rows() { return rows_; }

private:
    bool holds(const test& of, const any_row& row);
    bool leads_nowhere(const test& of, std::size_t step, const any_row& row);
    bool has_the_like(const test& of, std::size_t step, const any_row& row, bool& is_answered);
    /// Calls `found` with each visible row on the far side until it says true; whether it did.
    template <class Found>
    bool any_child(const relation_entry& relation, const any_row& parent, const Found& found);
    template <class Found>
    bool any_child(const relation_entry& relation, const any_row& parent, bool alive,
                   const Found& found);
    bool is_itself_there(const any_row& row) const;
    bool says_by_itself(const test& of, const any_row& row) const;
    bool has_copies(const relation_entry& relation, const any_row& parent) const;
    /// Asks, and charges for looking at texts.
    bool holds_of(const predicate& asked, const value_view& of);
    any_row target_of(const relation_entry& relation, const any_row& row);
    /// The value of a field of this very row; a counter is read for it.
    value_view read(const field_entry& field, const any_row& row);

    row_reader& rows_;
    query_budget& budget_;
};

/// Rows of any entity by their ids, in the order asked; none where there is no such row.
std::vector<std::optional<any_row>> find_rows(row_reader& rows, entity which,
                                              std::span<const entity_id> ids);
entity_id id_of(const any_row& row);
entity entity_of(const any_row& row);

}  // namespace pinhole::storage::query
