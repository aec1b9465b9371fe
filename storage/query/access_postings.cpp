#include <algorithm>
#include <limits>

#include "storage/query/access.hpp"
#include "storage/schema/keys.hpp"

namespace pinhole::storage::query {

namespace {

constexpr std::uint32_t batch_of_many = 8;
constexpr std::uint32_t batch_max = 512;
constexpr std::uint32_t entries_sampled = 64;
constexpr std::size_t rows_per_read = 1024;
constexpr std::size_t names_shown_max = 4;

std::vector<place> read_places(row_reader& rows, entity at, std::span<const entity_id> ids,
                               walking direction, const place_range& within) {
    std::vector<place> places;
    places.reserve(ids.size());
    while (!ids.empty()) {
        const auto batch = ids.first(std::min(ids.size(), rows_per_read));
        ids = ids.subspan(batch.size());
        for (const auto& row : find_rows(rows, at, batch)) {
            if (!row) {
                continue;
            }
            const auto created = std::visit([](const auto& of) { return of.created_at; }, *row);
            const place found = to_place(to_microseconds(created), id_of(*row), direction);
            if (found >= within.first && found <= within.last) {
                places.push_back(found);
            }
        }
    }
    return places;
}

std::unique_ptr<postings> open(row_reader& rows, entity at, const access& of, walking direction,
                               const place_range& within, std::uint32_t batch) {
    switch (of.what) {
        case access::kind::index:
            return open_index(rows.raw(), of.part, direction, within, std::min(batch, batch_max));
        case access::kind::rows:
            return open_places(read_places(rows, at, of.ids, direction, within));
        case access::kind::all:
            return open_postings(rows, at, of.parts, direction, within, batch);
        case access::kind::any:
            break;
    }
    std::vector<std::unique_ptr<postings>> parts;
    parts.reserve(of.parts.size());
    const auto each_batch =
        std::max<std::uint32_t>(2, batch / static_cast<std::uint32_t>(of.parts.size()) + 1);
    for (const access& part : of.parts) {
        parts.push_back(open(rows, at, part, direction, within, each_batch));
    }
    return unite(std::move(parts));
}

std::vector<place> sample_newest(const row_reader& rows, const index_part& part,
                                 const time_bounds& within, std::uint32_t wanted) {
    constexpr auto direction = walking::descending;
    const auto walk = open_index(rows.raw(), part, direction, to_places(within, direction), wanted);
    std::vector<place> places;
    std::optional<place> next = walk->seek({});
    while (next) {
        places.push_back(*next);
        next = places.size() < wanted ? walk->seek(next_of(*next)) : std::nullopt;
    }
    return places;
}

/// How long a time the places cover.
double span_of(const place& newest, const place& oldest) {
    return static_cast<double>(value_of(newest, walking::descending)) -
           static_cast<double>(value_of(oldest, walking::descending));
}

/// As many as fill the time of all rows as densely as its newest ones fill theirs.
std::uint64_t estimate_index(const row_reader& rows, const index_part& part,
                             const time_bounds& within, std::uint64_t total) {
    const auto newest = sample_newest(rows, part, within, entries_sampled);
    if (newest.size() < entries_sampled) {
        return newest.size();
    }
    const auto oldest = scan_index(
        rows.raw(), {.part = part.part, .family = part.family, .prefix = part.prefix, .limit = 1});
    if (oldest.empty()) {
        return 0;
    }
    kv::key_reader in{std::string_view{oldest.front().key}.substr(part.prefix.size())};
    const timestamp first = from_microseconds(in.read_i64().value_or(0));
    const place begin =
        to_place(to_microseconds(within.from ? std::max(*within.from, first) : first),
                 std::numeric_limits<entity_id>::min(), walking::descending);
    const double sampled = std::max(1.0, span_of(newest.front(), newest.back()));
    const double whole = std::max(sampled, span_of(newest.front(), begin));
    const double rows_there = entries_sampled * (whole / sampled);
    return rows_there < static_cast<double>(total) ? static_cast<std::uint64_t>(rows_there) : total;
}

std::string name_of_one(const access& of) {
    if (!of.name.empty() || of.parts.empty()) {
        return of.name;
    }
    if (of.what == access::kind::all) {
        return name_of(of.parts);
    }
    std::vector<std::string> names;
    for (const access& part : of.parts) {
        std::string name = name_of_one(part);
        if (std::ranges::find(names, name) == names.end()) {
            names.push_back(std::move(name));
        }
    }
    std::string all;
    for (std::size_t i = 0; i < names.size(); ++i) {
        all += i == 0 ? "" : " | ";
        all += i < names_shown_max ? names[i] : "…";
        if (i == names_shown_max) {
            break;
        }
    }
    return all;
}

}  // namespace

access to_access(const row_reader& rows, const entity_entry& at, std::string_view index,
                 std::uint8_t number, kv::part_id part, std::string_view leading) {
    std::string name{at.name};
    name.append(".").append(index);
    const auto one = [&](bool alive) {
        return access{.what = access::kind::index,
                      .name = name,
                      .part = {families::index, part, index_prefix(number, alive).append(leading)}};
    };
    if (!rows.sees_deleted()) {
        return one(true);
    }
    access both{.what = access::kind::any};
    both.parts.push_back(one(true));
    both.parts.push_back(one(false));
    return both;
}

access to_access(const entity_entry& at, const inverted_entry& index, std::string_view term) {
    std::string name{at.name};
    return {.what = access::kind::index,
            .name = name.append(".").append(index.path),
            .part = {families::terms, global_part, term_prefix(index.number, term)}};
}

access all_rows(const row_reader& rows, const entity_entry& at) {
    return to_access(rows, at, "newest", at.newest_index, global_part, {});
}

std::string name_of(std::span<const access> all) {
    std::string name;
    for (const access& each : all) {
        name += name.empty() ? "" : " & ";
        name += name_of_one(each);
    }
    return name;
}

std::uint64_t estimate(const row_reader& rows, const access& of, const time_bounds& within,
                       std::uint64_t total) {
    switch (of.what) {
        case access::kind::index:
            return estimate_index(rows, of.part, within, total);
        case access::kind::rows:
            return of.ids.size();
        case access::kind::all: {
            std::uint64_t least = total;
            for (const access& part : of.parts) {
                least = std::min(least, estimate(rows, part, within, total));
            }
            return least;
        }
        case access::kind::any:
            break;
    }
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < of.parts.size() && sum < total; ++i) {
        sum += estimate(rows, of.parts[i], within, total);
    }
    return std::min(sum, total);
}

std::unique_ptr<postings> open_postings(row_reader& rows, entity at, std::span<const access> all,
                                        walking direction, const place_range& within,
                                        std::uint32_t first_batch) {
    const auto is_of_rows = [](const access& each) { return each.what == access::kind::rows; };
    const bool has_an_index = !std::ranges::all_of(all, is_of_rows);
    std::vector<std::unique_ptr<postings>> parts;
    parts.reserve(all.size());
    for (const access& each : all) {
        if (!has_an_index || !is_of_rows(each)) {
            parts.push_back(open(rows, at, each, direction, within,
                                 all.size() == 1 ? first_batch : batch_of_many));
        }
    }
    auto walk = intersect(std::move(parts));
    for (const access& each : all) {
        if (has_an_index && is_of_rows(each)) {
            walk = among(std::move(walk), each.ids, direction);
        }
    }
    return walk;
}

place_range to_places(const time_bounds& bounds, walking direction) {
    using limits = std::numeric_limits<std::int64_t>;
    const std::int64_t from = bounds.from ? to_microseconds(*bounds.from) : limits::min();
    const std::int64_t to = bounds.to ? to_microseconds(*bounds.to) : limits::max();
    return direction == walking::ascending ? place_range{to_place(from, limits::min(), direction),
                                                         to_place(to, limits::max(), direction)}
                                           : place_range{to_place(to, limits::max(), direction),
                                                         to_place(from, limits::min(), direction)};
}

}  // namespace pinhole::storage::query
