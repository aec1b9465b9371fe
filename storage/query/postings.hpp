// Rows in the order of a number (a time, a count) and then of their ids, as indexes list them, and
// their intersections and unions.
//
// Every index whose entries end in `created_at` and the id lists its rows in the same order, so two
// of them are intersected by letting each leap to where the other stands (leapfrog join,
// Veldhuizen, "Leapfrog Triejoin", 2014, with one variable): what is read is bounded by the smaller
// one, and the walk ends with the page.
//
// Belongs to one thread. Errors: those of the reader are thrown through.
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/time.hpp"
#include "storage/kv/store.hpp"
#include "storage/schema/schema.hpp"

namespace pinhole::storage::query {

enum class walking : std::uint8_t { ascending, descending };

/// Where a row stands: the number and the id, mapped so that a walk always goes upward.
struct place {
    std::uint64_t at = 0;
    std::uint64_t id = 0;
    auto operator<=>(const place&) const = default;
};
place to_place(std::int64_t value, entity_id id, walking direction);
entity_id id_of(const place& of, walking direction);
std::int64_t value_of(const place& of, walking direction);
/// The least place above it.
place next_of(place of);

/// Places `first` to `last`, both included.
struct place_range {
    place first{};
    place last{~std::uint64_t{0}, ~std::uint64_t{0}};
};

/// Entries of one part with one front, ordered behind it by a number and the id.
struct index_part {
    kv::family_id family = 0;
    kv::part_id part = 0;
    std::string prefix = {};
};

class postings {
public:
    virtual ~postings() = default;
    /// The first place that is not before `least`; nothing: there is none.
    /// Requires: `least` never goes back from one call to the next.
    virtual std::optional<place> seek(place least) = 0;
};

/// Reads in batches, the first of `first_batch` entries; they grow as long as what was read is
/// used. Requires: the reader outlives it.
std::unique_ptr<postings> open_index(const kv::reader& reader, index_part part, walking direction,
                                     const place_range& within, std::uint32_t first_batch);
std::unique_ptr<postings> open_places(std::vector<place> places);
/// Those of the rows named (sorted).
std::unique_ptr<postings> among(std::unique_ptr<postings> of, std::vector<entity_id> kept,
                                walking direction);
/// Those but for the rows named (sorted).
std::unique_ptr<postings> without(std::unique_ptr<postings> of, std::vector<entity_id> left_out,
                                  walking direction);
/// Requires: at least one.
std::unique_ptr<postings> intersect(std::vector<std::unique_ptr<postings>> parts);
std::unique_ptr<postings> unite(std::vector<std::unique_ptr<postings>> parts);

}  // namespace pinhole::storage::query
