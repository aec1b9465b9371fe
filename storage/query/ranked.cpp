#include "storage/query/ranked.hpp"

#include <algorithm>
#include <utility>

#include "storage/ranking.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage::query {

namespace {

using limits = std::numeric_limits<std::int64_t>;

constexpr std::uint32_t entries_per_read = 1024;

struct counted_row {
    std::int64_t count;
    entity_id id;
};

template <class Row>
std::vector<counted_row> count_unranked_rows(const kv::reader& reader, std::string_view field,
                                             std::uint32_t rows_max) {
    const auto ids = list_unranked<Row>(reader, rows_max).ids;
    std::vector<kv::key> keys;
    keys.reserve(ids.size());
    for (const entity_id id : ids) {
        keys.push_back(counter_key<Row>(id));
    }
    const auto counters = reader.counters(keys);
    const auto rank = std::ranges::find(schema<Row>::ranks, field, &storage::rank::field);
    std::vector<counted_row> rows;
    rows.reserve(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) {
        rows.push_back({rank->count_of(counters[i]), ids[i]});
    }
    return rows;
}

/// By id.
std::vector<counted_row> count_unranked(const kv::reader& reader, entity of, std::string_view field,
                                        std::uint32_t rows_max) {
    switch (of) {
        case entity::user:
            return count_unranked_rows<user>(reader, field, rows_max);
        case entity::post:
            return count_unranked_rows<post>(reader, field, rows_max);
        default:
            return {};
    }
}

}  // namespace

std::optional<count_range> to_count_range(const predicate& asked) {
    if (asked.part() || asked.operands().empty() ||
        !std::holds_alternative<std::int64_t>(asked.operands().front())) {
        return std::nullopt;
    }
    const auto first = std::get<std::int64_t>(asked.operands().front());
    constexpr count_range none{.least = 1, .greatest = 0};
    switch (asked.which()) {
        case lookup::exact:
            return count_range{first, first};
        case lookup::range:
            return count_range{first, std::get<std::int64_t>(asked.operands().back())};
        case lookup::gt:
            return first == limits::max() ? none : count_range{.least = first + 1};
        case lookup::gte:
            return count_range{.least = first};
        case lookup::lt:
            return first == limits::min() ? none : count_range{.greatest = first - 1};
        case lookup::lte:
            return count_range{.greatest = first};
        default:
            return std::nullopt;
    }
}

count_range common(const count_range& a, const count_range& b) {
    return {std::max(a.least, b.least), std::min(a.greatest, b.greatest)};
}

std::optional<std::vector<entity_id>> list_ranked(const kv::reader& reader, entity of,
                                                  const rank_entry& rank, const count_range& within,
                                                  std::size_t rows_max) {
    std::vector<entity_id> ids;
    if (within.least > within.greatest) {
        return ids;
    }
    constexpr auto direction = walking::ascending;
    const auto walk =
        open_ranked(reader, of, rank, within, direction, static_cast<std::uint32_t>(rows_max + 1));
    for (auto next = walk->seek({}); next; next = walk->seek(next_of(*next))) {
        if (ids.size() == rows_max) {
            return std::nullopt;
        }
        ids.push_back(id_of(*next, direction));
    }
    return ids;
}

std::unique_ptr<postings> open_ranked(const kv::reader& reader, entity of, const rank_entry& rank,
                                      const count_range& within, walking direction,
                                      std::uint32_t first_batch) {
    place_range places{to_place(within.least, limits::min(), direction),
                       to_place(within.greatest, limits::max(), direction)};
    if (direction == walking::descending) {
        places = {to_place(within.greatest, limits::max(), direction),
                  to_place(within.least, limits::min(), direction)};
    }
    const auto unranked =
        count_unranked(reader, of, rank.field, std::numeric_limits<std::uint32_t>::max());
    std::vector<entity_id> moved;
    std::vector<place> overlay;
    for (const counted_row& each : unranked) {
        moved.push_back(each.id);
        if (each.count >= within.least && each.count <= within.greatest) {
            overlay.push_back(to_place(each.count, each.id, direction));
        }
    }
    std::vector<std::unique_ptr<postings>> parts;
    parts.push_back(
        without(open_index(reader, {families::index, global_part, index_prefix(rank.number, true)},
                           direction, places, std::min(first_batch, entries_per_read)),
                std::move(moved), direction));
    parts.push_back(open_places(std::move(overlay)));
    return unite(std::move(parts));
}

}  // namespace pinhole::storage::query
