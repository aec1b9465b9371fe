// What indexes know of a condition: where the rows lie for which it can hold. Every row for which
// it holds is among those of its access; the access serves a test if no others are.
//
// A test of an index's leading fields and references is a stretch of that index, in the order of
// time; a text is the entries of its rarest trigrams; a path through relations is followed from its
// end. Each `find` is told how many rows it may collect and gives up beyond that, so a caller asks
// for little first, and again for more only where that pays.
//
// One finder serves one query on one thread. Errors: those of the reader are thrown through.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/query/evaluator.hpp"
#include "storage/query/postings.hpp"
#include "storage/query/time_bounds.hpp"

namespace pinhole::storage::query {

struct access {
    enum class kind : std::uint8_t { index, rows, all, any };

    kind what = kind::index;
    std::string name = {};                 ///< what `explain` calls it
    index_part part = {};                  ///< of an index
    std::vector<entity_id> ids = {};       ///< of rows: sorted, each once
    std::vector<access> parts = {};        ///< of all (intersected) and of any (united)
    std::vector<const test*> serves = {};  ///< they hold of its rows and of no others
};

/// Whether one of them serves the test.
bool is_served(const test* of, std::span<const access> found);

/// Sorts the ids.
access access_of_rows(std::string name, std::vector<entity_id> ids,
                      std::vector<const test*> served);

/// A union of more indexes than this costs more than it saves: each of them is sought in.
inline constexpr std::size_t united_max = 1024;

class access_finder {
public:
    explicit access_finder(evaluator& evaluate) : evaluate_(evaluate), rows_(evaluate.rows()) {}

    /// Tests that something else serves: nothing is read for their sake.
    void leave_out(std::vector<const test*> tests) { left_out_ = std::move(tests); }

    /// Accesses to be intersected; none if no index serves. Rows that are named come alone.
    std::vector<access> find_all(entity at, const condition& of, std::size_t rows_max);

private:
    /// A test as it looks from some relations along its path.
    struct view {
        const test* of;
        std::size_t step = 0;

        bool is_own() const { return step == of->path.relations.size(); }
        const relation_entry& next() const { return *of->path.relations[step]; }
        view beyond() const { return {of, step + 1}; }
        std::string path() const;
    };
    /// The rows that a reference may lead to.
    struct target_set {
        const relation_entry* relation;
        std::vector<entity_id> ids;
        const test* by;
    };

    std::optional<access> find_any(entity at, const condition& of, std::size_t rows_max);
    std::vector<access> find_together(entity at, std::span<const view> tests, std::size_t rows_max);
    std::optional<access> find_one(entity at, const view& of, std::size_t rows_max);
    std::optional<access> find_named(const entity_entry& at, const view& of) const;
    std::optional<access> find_pair(const entity_entry& at,
                                    std::span<const target_set> targets) const;
    std::optional<access> find_composite(const entity_entry& at, std::span<const view> tests,
                                         std::span<const target_set> targets,
                                         const std::vector<access>& found) const;
    std::optional<access> match(const entity_entry& at, const index_entry& index,
                                std::span<const view> tests,
                                std::span<const target_set> targets) const;
    std::optional<access> find_terms(const entity_entry& at, const view& of) const;
    access find_trigrams(const entity_entry& at, const inverted_entry& index,
                         std::vector<std::string> terms) const;
    std::optional<access> find_text_range(const entity_entry& at, const view& of,
                                          std::size_t rows_max) const;
    std::optional<access> find_ranked(const entity_entry& at, const view& of,
                                      std::size_t rows_max) const;
    std::optional<access> find_behind(entity at, const view& of, std::size_t rows_max);
    /// Where the rows beyond a backward relation lead back to.
    std::optional<std::vector<entity_id>> collect_back(entity at, const view& of,
                                                       std::size_t rows_max);
    std::optional<std::vector<entity_id>> collect_covered(const index_entry& index,
                                                          const view& beyond, std::size_t rows_max);
    void append_covered(const index_entry& index, kv::part_id part, bool alive,
                        std::size_t rows_max, std::vector<entity_id>& ids) const;
    std::optional<target_set> find_targets(const view& of, std::size_t rows_max);
    std::vector<target_set> find_targets(std::span<const view> tests, std::size_t rows_max);
    access unite(const entity_entry& at, const target_set& set) const;
    /// Rows for which the test holds, if they are no more than that.
    std::optional<std::vector<entity_id>> collect(entity at, const view& of, std::size_t rows_max);
    std::vector<any_row> read_batch(entity at, std::span<const entity_id> ids);
    void keep_those_that_hold(entity at, const view& of, std::vector<entity_id>& ids);

    evaluator& evaluate_;
    row_reader& rows_;
    std::vector<const test*> left_out_;
};

/// One part of an index of this entity, deleted rows included if the reader sees them.
access to_access(const row_reader& rows, const entity_entry& at, std::string_view index,
                 std::uint8_t number, kv::part_id part, std::string_view leading);
/// The entries of one term.
access to_access(const entity_entry& at, const inverted_entry& index, std::string_view term);
access all_rows(const row_reader& rows, const entity_entry& at);

/// `posts.author & posts.content`
std::string name_of(std::span<const access> all);

/// About how many of the entity's rows (`total` of them) it has within the bounds. Reads a few.
std::uint64_t estimate(const row_reader& rows, const access& of, const time_bounds& within,
                       std::uint64_t total);

/// Opens the intersection for a walk. `first_batch`: entries wanted at first, of an index that is
/// walked alone. Rows beside an index are looked for among its entries; else they are read for
/// their dates.
std::unique_ptr<postings> open_postings(row_reader& rows, entity at, std::span<const access> all,
                                        walking direction, const place_range& within,
                                        std::uint32_t first_batch);
place_range to_places(const time_bounds& bounds, walking direction);

}  // namespace pinhole::storage::query
