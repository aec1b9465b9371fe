#include "storage/query/access.hpp"

#include <algorithm>
#include <utility>

#include "storage/kv/key_codec.hpp"

namespace pinhole::storage::query {

namespace {

constexpr std::size_t rows_per_read = 1024;

void append_value(kv::key_writer& out, const value& of) {
    if (const auto* text = std::get_if<std::string>(&of)) {
        out.append_string(*text);
    } else {
        out.append_i64(std::get<std::int64_t>(of));
    }
}

}  // namespace

bool is_served(const test* of, std::span<const access> found) {
    return std::ranges::any_of(
        found, [of](const access& each) { return std::ranges::count(each.serves, of) > 0; });
}

access access_of_rows(std::string name, std::vector<entity_id> ids,
                      std::vector<const test*> served) {
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    return {.what = access::kind::rows,
            .name = std::move(name),
            .ids = std::move(ids),
            .serves = std::move(served)};
}

std::string access_finder::view::path() const {
    std::string path;
    for (std::size_t at = step; at < of->path.relations.size(); ++at) {
        path += of->path.relations[at]->name;
        path += "__";
    }
    return path += of->path.field->name;
}

std::vector<access> access_finder::find_all(entity at, const condition& of, std::size_t rows_max) {
    const requirements required = find_requirements(of);
    std::vector<view> tests;
    tests.reserve(required.tests.size());
    for (const test* each : required.tests) {
        tests.push_back({each});
    }
    auto found = find_together(at, tests, rows_max);
    for (const condition* each : required.alternatives) {
        if (auto united = find_any(at, *each, rows_max)) {
            found.push_back(std::move(*united));
        }
    }
    return found;
}

std::optional<access> access_finder::find_any(entity at, const condition& of,
                                              std::size_t rows_max) {
    access united{.what = access::kind::any};
    for (const condition& part : of.parts) {
        auto all = find_all(at, part, rows_max);
        if (all.empty()) {
            return std::nullopt;
        }
        united.parts.push_back(all.size() == 1
                                   ? std::move(all.front())
                                   : access{.what = access::kind::all, .parts = std::move(all)});
    }
    return united.parts.empty() ? std::nullopt : std::optional{std::move(united)};
}

std::vector<access> access_finder::find_together(entity at, std::span<const view> tests,
                                                 std::size_t rows_max) {
    const entity_entry& entry = describe(at);
    for (const view& each : tests) {
        if (auto named = find_named(entry, each)) {
            return {std::move(*named)};
        }
    }
    const auto targets = find_targets(tests, rows_max);
    for (const target_set& set : targets) {
        if (set.ids.empty()) {
            return {access_of_rows(std::string{set.relation->name}, {}, {set.by})};
        }
    }
    if (auto pair = find_pair(entry, targets)) {
        return {std::move(*pair)};
    }
    std::vector<access> found;
    while (auto composite = find_composite(entry, tests, targets, found)) {
        found.push_back(std::move(*composite));
    }
    for (const target_set& set : targets) {
        if (!is_served(set.by, found)) {
            found.push_back(unite(entry, set));
        }
    }
    for (const view& each : tests) {
        if (is_served(each.of, found) || std::ranges::count(left_out_, each.of) > 0) {
            continue;
        }
        if (auto one = find_one(at, each, rows_max)) {
            found.push_back(std::move(*one));
        }
    }
    return found;
}

/// The rows that refer to any of them.
access access_finder::unite(const entity_entry& at, const target_set& set) const {
    access united{.what = access::kind::any, .serves = {set.by}};
    for (const entity_id target : set.ids) {
        united.parts.push_back(
            to_access(rows_, at, set.relation->name, set.relation->index, target, {}));
    }
    return united;
}

/// Of all tests that begin with a reference, as far as they leave it few enough targets.
std::vector<access_finder::target_set> access_finder::find_targets(std::span<const view> tests,
                                                                   std::size_t rows_max) {
    std::vector<target_set> targets;
    for (const view& each : tests) {
        if (each.is_own() || each.next().is_backward || !each.of->predicate) {
            continue;
        }
        if (auto set = find_targets(each, rows_max)) {
            targets.push_back(std::move(*set));
        }
    }
    return targets;
}

std::optional<access> access_finder::find_named(const entity_entry& at, const view& of) const {
    const auto& asked = of.of->predicate;
    if (!of.is_own() || !asked || asked->part() ||
        (asked->which() != lookup::exact && asked->which() != lookup::in)) {
        return std::nullopt;
    }
    std::vector<entity_id> ids;
    if (of.of->path.field->kind == field_kind::id) {
        for (const value& each : asked->operands()) {
            ids.push_back(std::get<std::int64_t>(each));
        }
        return access_of_rows("ids", std::move(ids), {of.of});
    }
    const unique_text_entry* unique = at.find_unique_text(of.of->path.field->name);
    if (unique == nullptr) {
        return std::nullopt;
    }
    for (const value& each : asked->operands()) {
        const auto entry = rows_.find_unique(unique->unique_key(std::get<std::string>(each)));
        if (entry) {
            ids.push_back(entry->id);
        }
    }
    return access_of_rows("unique", std::move(ids), {of.of});
}

std::optional<access_finder::target_set> access_finder::find_targets(const view& of,
                                                                     std::size_t rows_max) {
    const relation_entry& relation = of.next();
    auto ids = collect(relation.target, of.beyond(), std::min(rows_max, united_max));
    if (!ids) {
        return std::nullopt;
    }
    if (relation.target == entity::user) {
        rows_.load_users(*ids);
    } else {
        rows_.load_posts(*ids);
    }
    // What hangs under something that is not there is not there either.
    std::erase_if(*ids, [&](entity_id id) {
        return relation.target == entity::user ? rows_.alive_user(id) == nullptr
                                               : rows_.visible_post(id) == nullptr;
    });
    return target_set{&relation, std::move(*ids), of.of};
}

/// The one row that refers to both.
std::optional<access> access_finder::find_pair(const entity_entry& at,
                                               std::span<const target_set> targets) const {
    const auto find_one_target = [&](std::string_view relation) -> const target_set* {
        const auto found = std::ranges::find_if(targets, [relation](const target_set& each) {
            return each.relation->name == relation && each.ids.size() == 1;
        });
        return found == targets.end() ? nullptr : &*found;
    };
    for (const pair_entry& pair : at.pairs) {
        const auto* scope = find_one_target(pair.scope);
        const auto* second = find_one_target(pair.second);
        if (scope == nullptr || second == nullptr) {
            continue;
        }
        const auto entry =
            rows_.find_unique(pair.unique_key(scope->ids.front(), second->ids.front()));
        std::string name{"unique "};
        name.append(pair.scope).append("_").append(pair.second);
        return access_of_rows(std::move(name),
                              entry ? std::vector{entry->id} : std::vector<entity_id>{},
                              {scope->by, second->by});
    }
    return std::nullopt;
}

/// The index that serves the most tests which none of those found serves.
std::optional<access> access_finder::find_composite(const entity_entry& at,
                                                    std::span<const view> tests,
                                                    std::span<const target_set> targets,
                                                    const std::vector<access>& found) const {
    std::optional<access> best;
    std::ptrdiff_t best_gain = 0;
    for (const index_entry& index : at.indexes) {
        auto matched = match(at, index, tests, targets);
        if (!matched) {
            continue;
        }
        const auto gain = std::ranges::count_if(
            matched->serves, [&](const test* each) { return !is_served(each, found); });
        if (gain > best_gain) {
            best_gain = gain;
            best = std::move(matched);
        }
    }
    return best;
}

/// The stretch of an index whose scope and leading members the tests fix, in the order of time.
std::optional<access> access_finder::match(const entity_entry& at, const index_entry& index,
                                           std::span<const view> tests,
                                           std::span<const target_set> targets) const {
    std::vector<const test*> served;
    const auto find_target = [&](std::string_view relation) -> std::optional<entity_id> {
        for (const target_set& each : targets) {
            if (each.relation->name == relation && each.ids.size() == 1) {
                served.push_back(each.by);
                return each.ids.front();
            }
        }
        return std::nullopt;
    };
    kv::part_id part = global_part;
    if (!index.scope.empty()) {
        const auto scope = find_target(index.scope);
        if (!scope) {
            return std::nullopt;
        }
        part = *scope;
    }
    kv::key_writer leading;
    std::size_t fixed = 0;
    for (; fixed < index.members.size() && !index.is_by_time_behind(fixed); ++fixed) {
        const std::string_view member = index.members[fixed];
        if (const auto target = find_target(member)) {
            leading.append_i64(*target);
            continue;
        }
        const auto own = std::ranges::find_if(tests, [member](const view& each) {
            return each.is_own() && each.of->path.field->name == member && each.of->predicate &&
                   !each.of->predicate->part() && each.of->predicate->which() == lookup::exact &&
                   each.of->path.field->kind == field_kind::text;
        });
        if (own == tests.end()) {
            return std::nullopt;
        }
        served.push_back(own->of);
        append_value(leading, own->of->predicate->operands().front());
    }
    if (served.empty() || !index.is_by_time_behind(fixed)) {
        return std::nullopt;
    }
    access matched = to_access(rows_, at, index.name, index.number, part, leading.bytes());
    matched.serves = std::move(served);
    return matched;
}

/// Those of the rows that there are.
std::vector<any_row> access_finder::read_batch(entity at, std::span<const entity_id> ids) {
    std::vector<any_row> batch;
    batch.reserve(ids.size());
    for (auto& row : find_rows(rows_, at, ids)) {
        if (row) {
            batch.push_back(std::move(*row));
        }
    }
    return batch;
}

std::optional<access> access_finder::find_behind(entity at, const view& of, std::size_t rows_max) {
    auto ids = collect_back(at, of, rows_max);
    if (!ids) {
        return std::nullopt;
    }
    std::string name;
    for (std::size_t step = of.step; step < of.of->path.relations.size(); ++step) {
        name += name.empty() ? "" : ".";
        name += of.of->path.relations[step]->name;
    }
    return access_of_rows(std::move(name), std::move(*ids), {of.of});
}

std::optional<std::vector<entity_id>> access_finder::collect_back(entity at, const view& of,
                                                                  std::size_t rows_max) {
    const relation_entry& relation = of.next();
    const view then = of.beyond();
    if (!then.is_own() && !then.next().is_backward) {
        const entity_entry& target = describe(relation.target);
        if (const auto* index =
                target.find_covering(then.next().name, target.reference_of(relation))) {
            return collect_covered(*index, then, rows_max);
        }
    }
    const auto beyond = collect(relation.target, then, rows_max);
    if (!beyond) {
        return std::nullopt;
    }
    std::vector<entity_id> ids;
    for (std::span<const entity_id> rest{*beyond}; !rest.empty();) {
        const auto read = rest.first(std::min(rest.size(), rows_per_read));
        rest = rest.subspan(read.size());
        const auto batch = read_batch(relation.target, read);
        if (at == entity::user) {
            evaluate_.load_parents(batch);
        } else {
            evaluate_.load_people(batch);
        }
        for (const any_row& row : batch) {
            if (evaluate_.is_visible_beside(at, row)) {
                ids.push_back(relation.get(row));
            }
        }
    }
    return ids;
}

/// By the index's entries alone: what they belong to is visible if what parts the index is.
std::optional<std::vector<entity_id>> access_finder::collect_covered(const index_entry& index,
                                                                     const view& beyond,
                                                                     std::size_t rows_max) {
    const auto targets = find_targets(beyond, rows_max);
    if (!targets) {
        return std::nullopt;
    }
    std::vector<entity_id> ids;
    for (const entity_id target : targets->ids) {
        append_covered(index, target, true, rows_max, ids);
        if (rows_.sees_deleted()) {
            append_covered(index, target, false, rows_max, ids);
        }
        if (ids.size() > rows_max) {
            return std::nullopt;
        }
    }
    return ids;
}

/// Stops once there are more than may be.
void access_finder::append_covered(const index_entry& index, kv::part_id part, bool alive,
                                   std::size_t rows_max, std::vector<entity_id>& ids) const {
    std::string last;
    while (ids.size() <= rows_max) {
        const std::size_t limit = std::min(rows_per_read, rows_max + 1 - ids.size());
        const auto entries = scan_index(rows_.raw(), {.part = part,
                                                      .prefix = index_prefix(index.number, alive),
                                                      .beyond = last,
                                                      .limit = static_cast<std::uint32_t>(limit)});
        for (const kv::row& entry : entries) {
            ids.push_back(decode_covered(entry.value));
        }
        if (entries.size() < limit) {
            return;
        }
        last = entries.back().key;
    }
}

std::optional<std::vector<entity_id>> access_finder::collect(entity at, const view& of,
                                                             std::size_t rows_max) {
    if (!of.of->predicate) {
        return std::nullopt;
    }
    time_bounds within;
    auto found = find_together(at, {&of, 1}, rows_max);
    bool is_exact = is_served(of.of, found);
    if (found.empty() && of.is_own()) {
        const test own{.path = {{}, of.of->path.field},
                       .predicate = of.of->predicate,
                       .wants_null = false,
                       .text = {}};
        const test* const tests[] = {&own};
        std::vector<const test*> served;
        within = find_time_bounds(tests, served);
        is_exact = !served.empty();
        if (is_exact) {
            found.push_back(all_rows(rows_, describe(at)));
        }
    }
    if (found.empty()) {
        return std::nullopt;
    }
    std::vector<entity_id> ids;
    if (found.front().what == access::kind::rows) {
        ids = std::move(found.front().ids);
    } else {
        // What is not served is looked at row by row: many that do not hold cost as much.
        constexpr auto direction = walking::ascending;
        const auto walk = open_postings(rows_, at, found, direction, to_places(within, direction),
                                        static_cast<std::uint32_t>(rows_max + 1));
        for (auto next = walk->seek({}); next && ids.size() <= rows_max;
             next = walk->seek(next_of(*next))) {
            ids.push_back(id_of(*next, direction));
        }
    }
    if (ids.size() > rows_max) {
        return std::nullopt;
    }
    if (!is_exact) {
        keep_those_that_hold(at, of, ids);
    }
    return ids;
}

void access_finder::keep_those_that_hold(entity at, const view& of, std::vector<entity_id>& ids) {
    std::vector<entity_id> kept;
    for (std::span<const entity_id> rest{ids}; !rest.empty();) {
        const auto read = rest.first(std::min(rest.size(), rows_per_read));
        rest = rest.subspan(read.size());
        const auto batch = read_batch(at, read);
        evaluate_.load_parents(batch);
        for (const any_row& row : batch) {
            if (evaluate_.is_visible(row) && evaluate_.holds_along(*of.of, of.step, row)) {
                kept.push_back(id_of(row));
            }
        }
    }
    ids = std::move(kept);
}

}  // namespace pinhole::storage::query
