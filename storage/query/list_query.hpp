// Carries out a list's query: finds the rows, in order, page by page.
//
//   plan    what gives candidate rows, and in which order (plan.hpp)
//   filter  every candidate is looked at whole (evaluator.hpp), but for what the plan has decided
//   order   candidates that come in order are walked from the page's place and no further than the
//           page's end; otherwise all of them are looked at, and the page kept in a heap
//
// A position holds the sort values of the row next to which a page begins, so it stays right
// whatever is inserted, deleted or changed meanwhile. A page is read inside one unit of work.
// Thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "storage/query/condition.hpp"
#include "storage/query/page.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage::query {

struct list_request {
    entity root = entity::post;
    condition filter = {};
    std::vector<order_key> order = {};  ///< ends in the id
    page_request page = {};
    bool wants_count = false;
    /// Instead of what is there: the caller's own deleted posts, deleted no earlier than this.
    /// Requires: posts, in the order of `created_at`.
    std::optional<timestamp> deleted_since = {};
    entity_id me = 0;
    /// Staff may ask for deleted rows, and what hangs under them, as if they were alive.
    sight sees = sight::alive;
};

/// How a page was found: what `explain=true` shows.
struct plan_note {
    std::string index;                ///< the index walked, or `unique`, `ids`, `likes.user`
    std::string bounds;               ///< of what it was walked; empty: all of it
    std::vector<std::string> drives;  ///< the tests that decided which rows were looked at
    std::vector<std::string> probes;  ///< the tests that were asked of each row
    bool sorts = false;
    std::uint64_t rows_read = 0;
    std::uint64_t rows_returned = 0;
};

struct list_answer {
    page<any_row> rows;
    std::optional<std::int64_t> count;
    plan_note plan;
};

/// Errors: too_expensive, with the plan, if more rows than allowed would have to be read, or it
/// would take longer than it may.
result<list_answer> run_list(const kv::reader& reader, const list_request& request);

/// The JSON object that `explain` shows; `micros` only if it is known how long it took.
void append_json(std::string& out, const plan_note& plan,
                 std::optional<std::chrono::microseconds> taken = {});

}  // namespace pinhole::storage::query
