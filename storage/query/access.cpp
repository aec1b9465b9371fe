#include "storage/query/access.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "storage/kv/key_codec.hpp"
#include "storage/query/ranked.hpp"
#include "storage/schema/trigrams.hpp"

namespace pinhole::storage::query {

namespace {

/// Trigrams of one text go together more often than not: a fourth one leaves out little.
constexpr std::size_t trigrams_intersected = 3;
constexpr std::size_t trigrams_sampled_max = 16;
constexpr std::uint32_t entries_sampled = 32;
constexpr std::size_t rows_per_read = 1024;

bool serves(std::span<const access> found, const test* of) {
    return std::ranges::any_of(
        found, [of](const access& each) { return std::ranges::count(each.serves, of) > 0; });
}

access to_rows(std::string name, std::vector<entity_id> ids, std::vector<const test*> served) {
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    return {.what = access::kind::rows,
            .name = std::move(name),
            .ids = std::move(ids),
            .serves = std::move(served)};
}

void append_value(kv::key_writer& out, const value& of) {
    if (const auto* text = std::get_if<std::string>(&of)) {
        out.append_string(*text);
    } else {
        out.append_i64(std::get<std::int64_t>(of));
    }
}

std::string encode_text(std::string_view text) {
    kv::key_writer out;
    out.append_string(text);
    return out.take();
}

/// What a text that satisfies the lookup contains, letter case aside.
bool contains_its_operand(lookup which) {
    switch (which) {
        case lookup::exact:
        case lookup::iexact:
        case lookup::contains:
        case lookup::icontains:
        case lookup::startswith:
        case lookup::istartswith:
        case lookup::endswith:
        case lookup::iendswith:
            return true;
        default:
            return false;
    }
}

/// The keys [from, to) behind an index's prefix of texts that satisfy the lookup.
std::optional<std::pair<std::string, std::string>> text_range(const predicate& asked,
                                                              const std::string& prefix) {
    const auto operand = [&](std::size_t at) {
        return prefix + encode_text(std::get<std::string>(asked.operands()[at]));
    };
    const std::string end = kv::prefix_end(prefix);
    switch (asked.which()) {
        case lookup::startswith: {
            constexpr std::size_t terminator_bytes = 2;
            std::string front = operand(0);
            front.resize(front.size() - terminator_bytes);
            return std::pair{front, kv::prefix_end(front)};
        }
        case lookup::range:
            return std::pair{operand(0), kv::prefix_end(operand(1))};
        case lookup::gt:
            return std::pair{kv::prefix_end(operand(0)), end};
        case lookup::gte:
            return std::pair{operand(0), end};
        case lookup::lt:
            return std::pair{prefix, operand(0)};
        case lookup::lte:
            return std::pair{prefix, kv::prefix_end(operand(0))};
        default:
            return std::nullopt;
    }
}

/// The tests that must all hold, and the alternatives of which one must.
template <class Test, class Alternatives>
void for_each_required(const condition& of, const Test& found_test,
                       const Alternatives& found_alternatives) {
    if (of.what == condition::kind::test) {
        found_test(of.leaf.get());
    } else if (of.what == condition::kind::any) {
        found_alternatives(of);
    } else if (of.what == condition::kind::all) {
        for (const condition& part : of.parts) {
            for_each_required(part, found_test, found_alternatives);
        }
    }
}

}  // namespace

std::string access_finder::view::path() const {
    std::string path;
    for (std::size_t at = step; at < of->path.relations.size(); ++at) {
        path += of->path.relations[at]->name;
        path += "__";
    }
    return path += of->path.field->name;
}

std::vector<access> access_finder::find_all(entity at, const condition& of, std::size_t rows_max) {
    std::vector<view> tests;
    std::vector<const condition*> alternatives;
    for_each_required(
        of, [&](const test* each) { tests.push_back({each}); },
        [&](const condition& each) { alternatives.push_back(&each); });
    auto found = find_together(at, tests, rows_max);
    for (const condition* each : alternatives) {
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
    std::vector<target_set> targets;
    for (const view& each : tests) {
        if (each.is_own() || each.next().is_backward || !each.of->predicate) {
            continue;
        }
        auto set = find_targets(each, rows_max);
        if (set && set->ids.empty()) {
            return {to_rows(std::string{set->relation->name}, {}, {set->by})};
        }
        if (set) {
            targets.push_back(std::move(*set));
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
        if (serves(found, set.by)) {
            continue;
        }
        access united{.what = access::kind::any, .serves = {set.by}};
        for (const entity_id target : set.ids) {
            united.parts.push_back(
                to_access(rows_, entry, set.relation->name, set.relation->index, target, {}));
        }
        found.push_back(std::move(united));
    }
    for (const view& each : tests) {
        if (serves(found, each.of) || std::ranges::count(left_out_, each.of) > 0) {
            continue;
        }
        if (auto one = find_one(at, each, rows_max)) {
            found.push_back(std::move(*one));
        }
    }
    return found;
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
        return to_rows("ids", std::move(ids), {of.of});
    }
    if (at.self != entity::user || of.of->path.field->name != "username") {
        return std::nullopt;
    }
    for (const value& each : asked->operands()) {
        const auto entry = rows_.find_unique(username_unique_key(std::get<std::string>(each)));
        if (entry) {
            ids.push_back(entry->id);
        }
    }
    return to_rows("unique", std::move(ids), {of.of});
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
        return to_rows(std::move(name), entry ? std::vector{entry->id} : std::vector<entity_id>{},
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
            matched->serves, [&](const test* each) { return !serves(found, each); });
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

std::optional<access> access_finder::find_one(entity at, const view& of, std::size_t rows_max) {
    if (!of.of->predicate) {
        return std::nullopt;
    }
    const entity_entry& entry = describe(at);
    // Entries of these indexes are of alive rows alone.
    if (!rows_.sees_deleted()) {
        if (auto terms = find_terms(entry, of)) {
            return terms;
        }
        if (of.is_own()) {
            auto in_range = find_text_range(entry, of, rows_max);
            return in_range ? std::move(in_range) : find_ranked(entry, of, rows_max);
        }
    }
    return of.is_own() || !of.next().is_backward ? std::nullopt : find_behind(at, of, rows_max);
}

std::optional<access> access_finder::find_terms(const entity_entry& at, const view& of) const {
    const inverted_entry* index = at.find_inverted(of.path());
    const predicate& asked = *of.of->predicate;
    if (index == nullptr || asked.part()) {
        return std::nullopt;
    }
    if (index->kind == term_kind::values) {
        if (asked.which() != lookup::exact) {
            return std::nullopt;
        }
        const std::string term = encode_text(std::get<std::string>(asked.operands().front()));
        access found = to_access(at, *index, term);
        found.serves = {of.of};
        return found;
    }
    if (!contains_its_operand(asked.which())) {
        return std::nullopt;
    }
    auto terms = trigrams_of(std::get<std::string>(asked.operands().front()));
    return terms.empty() ? std::nullopt
                         : std::optional{find_trigrams(at, *index, std::move(terms))};
}

/// The rarest of the terms: those of which there are fewest, or whose newest entries go back
/// farthest.
access access_finder::find_trigrams(const entity_entry& at, const inverted_entry& index,
                                    std::vector<std::string> terms) const {
    struct sample {
        std::size_t entries;
        std::string reaches;  ///< the key's bytes behind the term
        access at;
    };
    const std::size_t step = 1 + (terms.size() - 1) / trigrams_sampled_max;
    std::vector<sample> samples;
    for (std::size_t i = 0; i < terms.size(); i += step) {
        access part = to_access(at, index, terms[i]);
        if (terms.size() <= trigrams_intersected) {
            samples.push_back({0, {}, std::move(part)});
            continue;
        }
        const auto entries = scan_index(rows_.raw(), {.family = families::terms,
                                                      .prefix = part.part.prefix,
                                                      .limit = entries_sampled,
                                                      .reverse = true});
        if (entries.empty()) {
            return to_rows(part.name, {}, {});
        }
        samples.push_back(
            {entries.size(), entries.back().key.substr(part.part.prefix.size()), std::move(part)});
    }
    std::ranges::sort(samples, [](const sample& a, const sample& b) {
        return std::tie(a.entries, a.reaches) < std::tie(b.entries, b.reaches);
    });
    samples.resize(std::min(samples.size(), trigrams_intersected), samples.front());
    access all{.what = access::kind::all, .name = samples.front().at.name};
    for (sample& each : samples) {
        all.parts.push_back(std::move(each.at));
    }
    return all;
}

std::optional<access> access_finder::find_text_range(const entity_entry& at, const view& of,
                                                     std::size_t rows_max) const {
    const std::string_view field = of.of->path.field->name;
    const auto index = std::ranges::find_if(at.indexes, [field](const index_entry& each) {
        return each.scope.empty() && each.members.size() == 1 && each.members.front() == field;
    });
    if (index == at.indexes.end() || of.of->path.field->kind != field_kind::text) {
        return std::nullopt;
    }
    const auto range = text_range(*of.of->predicate, index_prefix(index->number, true));
    if (!range) {
        return std::nullopt;
    }
    const auto entries = rows_.raw().scan({.part = global_part,
                                           .family = families::index,
                                           .from = range->first,
                                           .to = range->second,
                                           .limit = static_cast<std::uint32_t>(rows_max + 1)});
    if (entries.size() > rows_max) {
        return std::nullopt;
    }
    std::string name{at.name};
    return to_rows(name.append(".").append(index->name), ids_of(entries), {of.of});
}

/// It serves nothing: the counts of what is not ranked yet have to be looked at.
std::optional<access> access_finder::find_ranked(const entity_entry& at, const view& of,
                                                 std::size_t rows_max) const {
    const rank_entry* rank = at.find_rank(of.of->path.field->name);
    const auto range = rank == nullptr ? std::nullopt : to_count_range(*of.of->predicate);
    if (!range) {
        return std::nullopt;
    }
    auto ids = list_ranked(rows_.raw(), at.self, *rank, *range, rows_max);
    if (!ids) {
        return std::nullopt;
    }
    std::string name{at.name};
    return to_rows(name.append(".").append(rank->field), std::move(*ids), {});
}

std::optional<access> access_finder::find_behind(entity at, const view& of, std::size_t rows_max) {
    const relation_entry& relation = of.next();
    const auto beyond = collect(relation.target, of.beyond(), rows_max);
    if (!beyond) {
        return std::nullopt;
    }
    std::vector<entity_id> ids;
    for (std::span<const entity_id> rest{*beyond}; !rest.empty();) {
        const auto read = rest.first(std::min(rest.size(), rows_per_read));
        rest = rest.subspan(read.size());
        std::vector<any_row> batch;
        for (auto& row : find_rows(rows_, relation.target, read)) {
            if (row) {
                batch.push_back(std::move(*row));
            }
        }
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
    std::string name;
    for (std::size_t step = of.step; step < of.of->path.relations.size(); ++step) {
        name += name.empty() ? "" : ".";
        name += of.of->path.relations[step]->name;
    }
    return to_rows(std::move(name), std::move(ids), {of.of});
}

std::optional<std::vector<entity_id>> access_finder::collect(entity at, const view& of,
                                                             std::size_t rows_max) {
    if (!of.of->predicate) {
        return std::nullopt;
    }
    time_bounds within;
    auto found = find_together(at, {&of, 1}, rows_max);
    bool is_served = serves(found, of.of);
    if (found.empty() && of.is_own()) {
        const test own{.path = {{}, of.of->path.field},
                       .predicate = of.of->predicate,
                       .wants_null = false,
                       .text = {}};
        const test* const tests[] = {&own};
        std::vector<const test*> served;
        within = find_time_bounds(tests, served);
        is_served = !served.empty();
        if (is_served) {
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
    if (!is_served) {
        keep_those_that_hold(at, of, ids);
    }
    return ids;
}

void access_finder::keep_those_that_hold(entity at, const view& of, std::vector<entity_id>& ids) {
    std::vector<entity_id> kept;
    for (std::span<const entity_id> rest{ids}; !rest.empty();) {
        const auto read = rest.first(std::min(rest.size(), rows_per_read));
        rest = rest.subspan(read.size());
        for (const auto& row : find_rows(rows_, at, read)) {
            if (row && evaluate_.is_visible(*row) && evaluate_.holds_along(*of.of, of.step, *row)) {
                kept.push_back(id_of(*row));
            }
        }
    }
    ids = std::move(kept);
}

}  // namespace pinhole::storage::query
