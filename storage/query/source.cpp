#include "storage/query/source.hpp"

#include <algorithm>
#include <chrono>
#include <span>

namespace pinhole::storage::query {

namespace {

/// A relation that leads to more rows than this does not drive: a walk of the order's index, which
/// ends with the page, is then likely to be shorter.
constexpr std::size_t driven_rows_max = 5'000;

using id_list = std::vector<entity_id>;
using relation_span = std::span<const relation_entry* const>;

bool names_values(const test& of) {
    return of.predicate && !of.predicate->part() &&
           (of.predicate->which() == lookup::exact || of.predicate->which() == lookup::in);
}

void sort_unique(id_list& ids) {
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
}

/// The rows of the entity that a test on a field of its own names; nothing if it names none.
std::optional<id_list> find_named(row_reader& rows, entity at, const test& of) {
    if (!names_values(of)) {
        return std::nullopt;
    }
    id_list ids;
    if (of.path.field->kind == field_kind::id) {
        for (const value& each : of.predicate->operands()) {
            ids.push_back(std::get<std::int64_t>(each));
        }
    } else if (at == entity::user && of.path.field->name == "username") {
        for (const value& each : of.predicate->operands()) {
            const auto entry = rows.find_unique(username_unique_key(std::get<std::string>(each)));
            if (entry && entry->alive) {
                ids.push_back(entry->id);
            }
        }
    } else {
        return std::nullopt;
    }
    sort_unique(ids);
    return ids;
}

/// Rows that a relation's source refers with to one of the targets.
std::optional<id_list> find_referring(const row_reader& rows, const relation_entry& relation,
                                      const id_list& targets) {
    id_list ids;
    for (const entity_id target : targets) {
        const auto left = static_cast<std::uint32_t>(driven_rows_max + 1 - ids.size());
        const auto entries = scan_index(
            rows.raw(),
            {.part = target, .prefix = index_prefix(relation.index, true), .limit = left});
        for (const entity_id id : ids_of(entries)) {
            ids.push_back(id);
        }
        if (ids.size() > driven_rows_max) {
            return std::nullopt;
        }
    }
    return ids;
}

/// What those rows refer to, as far as they are there.
id_list find_referred(evaluator& evaluate, const relation_entry& relation, const id_list& from) {
    std::vector<any_row> found;
    for (auto& row : find_rows(evaluate.rows(), relation.target, from)) {
        if (row) {
            found.push_back(std::move(*row));
        }
    }
    evaluate.load_parents(found);
    id_list ids;
    for (const any_row& row : found) {
        if (evaluate.is_visible(row)) {
            ids.push_back(relation.get(row));
        }
    }
    return ids;
}

/// The rows at the beginning of the path for which the test holds, found from its end. Nothing if
/// the test names no rows there, or too many stand on the way.
std::optional<id_list> find_from_the_end(evaluator& evaluate, entity at, relation_span relations,
                                         const test& of) {
    if (relations.empty()) {
        return find_named(evaluate.rows(), at, of);
    }
    const relation_entry& relation = *relations.front();
    auto beyond = find_from_the_end(evaluate, relation.target, relations.subspan(1), of);
    if (!beyond) {
        return std::nullopt;
    }
    std::optional<id_list> ids = relation.is_backward
                                     ? std::optional{find_referred(evaluate, relation, *beyond)}
                                     : find_referring(evaluate.rows(), relation, *beyond);
    if (ids) {
        sort_unique(*ids);
    }
    return ids;
}

std::string path_name(relation_span relations) {
    std::string name;
    for (const relation_entry* relation : relations) {
        name += name.empty() ? "" : ".";
        name += relation->name;
    }
    return name;
}

struct instants {
    timestamp first;
    timestamp last;
};

/// The times that a value stands for, where they lie side by side: one, a day, or a year.
std::optional<instants> instants_of(const predicate& of, const value& operand) {
    using std::chrono::microseconds;
    if (!of.part()) {
        const auto at = std::get<timestamp>(operand);
        return instants{at, at};
    }
    const auto number = std::get<std::int64_t>(operand);
    if (*of.part() == date_part::date) {
        const timestamp midnight{std::chrono::days{number}};
        return instants{midnight, midnight + std::chrono::days{1} - microseconds{1}};
    }
    if (*of.part() != date_part::year || number < 1 || number > 9999) {
        return std::nullopt;
    }
    const auto start_of = [](std::int64_t year) {
        return timestamp{std::chrono::sys_days{std::chrono::year{static_cast<int>(year)} /
                                               std::chrono::January / 1}};
    };
    return instants{start_of(number), start_of(number + 1) - microseconds{1}};
}

/// Narrows the bounds by a test of `created_at`; whether they say all that the test asks.
bool narrow(index_source& index, const test& of) {
    if (!of.path.relations.empty() || of.path.field->name != "created_at" || !of.predicate ||
        of.predicate->which() == lookup::in) {
        return false;
    }
    const auto least = instants_of(*of.predicate, of.predicate->operands().front());
    const auto greatest = instants_of(*of.predicate, of.predicate->operands().back());
    if (!least || !greatest) {
        return false;
    }
    const auto begin_at = [&](timestamp bound) {
        index.from = std::max(index.from.value_or(bound), bound);
    };
    const auto end_at = [&](timestamp bound) {
        index.to = std::min(index.to.value_or(bound), bound);
    };
    constexpr std::chrono::microseconds tick{1};
    switch (of.predicate->which()) {
        case lookup::exact:
        case lookup::range:
            begin_at(least->first);
            end_at(greatest->last);
            return true;
        case lookup::gt:
            begin_at(least->last + tick);
            return true;
        case lookup::gte:
            begin_at(least->first);
            return true;
        case lookup::lt:
            end_at(least->first - tick);
            return true;
        case lookup::lte:
            end_at(least->last);
            return true;
        default:
            return false;
    }
}

source of_index(index_source index, const std::vector<const test*>& tests, const test* scoped) {
    source made;
    if (scoped != nullptr) {
        made.served.push_back(scoped);
    }
    for (const test* each : tests) {
        if (narrow(index, *each)) {
            made.served.push_back(each);
        }
    }
    made.index = std::move(index);
    return made;
}

source of_ids(std::string name, id_list ids, const test* by) {
    source made;
    made.ids = id_source{.name = std::move(name), .ids = std::move(ids)};
    made.served.push_back(by);
    return made;
}

bool is_there(row_reader& rows, entity which, entity_id id) {
    return which == entity::user ? rows.alive_user(id) != nullptr
                                 : rows.visible_post(id) != nullptr;
}

/// A reference of the rows that a test leaves one target.
struct fixed_reference {
    const relation_entry* relation;
    entity_id target;
    const test* by;
};

std::vector<fixed_reference> find_fixed(evaluator& evaluate,
                                        const std::vector<const test*>& tests) {
    std::vector<fixed_reference> fixed;
    for (const test* each : tests) {
        const auto& relations = each->path.relations;
        if (relations.empty() || relations.front()->is_backward) {
            continue;
        }
        const auto targets = find_from_the_end(evaluate, relations.front()->target,
                                               relation_span{relations}.subspan(1), *each);
        if (targets && targets->size() == 1) {
            fixed.push_back({relations.front(), targets->front(), each});
        }
    }
    return fixed;
}

const fixed_reference* find_reference(const std::vector<fixed_reference>& fixed,
                                      std::string_view name) {
    const auto found = std::ranges::find_if(
        fixed, [name](const fixed_reference& each) { return each.relation->name == name; });
    return found == fixed.end() ? nullptr : &*found;
}

/// Where the rows lie that refer to both, if there is a place for them.
std::optional<source> find_pair(row_reader& rows, const entity_entry& root,
                                const std::vector<fixed_reference>& fixed,
                                const std::vector<const test*>& tests) {
    for (const pair_entry& pair : root.pairs) {
        const auto* scope = find_reference(fixed, pair.scope);
        const auto* second = find_reference(fixed, pair.second);
        if (scope == nullptr || second == nullptr) {
            continue;
        }
        const std::string name = std::string{pair.scope} + '_' + std::string{pair.second};
        std::optional<source> found;
        if (pair.unique_key != nullptr) {
            const auto entry = rows.find_unique(pair.unique_key(scope->target, second->target));
            found = of_ids("unique " + name, entry && entry->alive ? id_list{entry->id} : id_list{},
                           scope->by);
        } else {
            kv::key_writer leading;
            leading.append_i64(second->target);
            found = of_index({.name = name,
                              .part = scope->target,
                              .number = pair.index,
                              .leading = leading.take()},
                             tests, scope->by);
        }
        found->served.push_back(second->by);
        return found;
    }
    return std::nullopt;
}

/// The part of an index in which the rows lie, if what they refer to is fixed; no rows at all, if
/// that is not there: what hangs under it need not be looked at to be left out.
std::optional<source> find_scoped(evaluator& evaluate, const entity_entry& root,
                                  const std::vector<const test*>& tests) {
    const auto fixed = find_fixed(evaluate, tests);
    for (const fixed_reference& each : fixed) {
        if (!is_there(evaluate.rows(), each.relation->target, each.target)) {
            return of_ids(std::string{each.relation->name}, {}, each.by);
        }
    }
    if (fixed.empty()) {
        return std::nullopt;
    }
    if (auto pair = find_pair(evaluate.rows(), root, fixed, tests)) {
        return pair;
    }
    const fixed_reference& chosen = fixed.front();
    return of_index({.name = std::string{chosen.relation->name},
                     .part = chosen.target,
                     .number = chosen.relation->index},
                    tests, chosen.by);
}

}  // namespace

source choose_source(row_reader& rows, const list_request& request,
                     const std::vector<const test*>& tests) {
    evaluator evaluate{rows};
    const entity_entry& root = describe(request.root);
    if (request.deleted_since) {
        const auto* author = root.find_relation("author");
        return of_index(
            {.name = "author", .part = request.me, .number = author->index, .alive = false}, tests,
            nullptr);
    }
    for (const test* each : tests) {
        if (!each->path.relations.empty()) {
            continue;
        }
        if (auto ids = find_named(rows, request.root, *each)) {
            return of_ids(each->path.field->kind == field_kind::id ? "ids" : "unique",
                          std::move(*ids), each);
        }
    }
    if (auto scoped = find_scoped(evaluate, root, tests)) {
        return std::move(*scoped);
    }
    std::optional<source> smallest;
    for (const test* each : tests) {
        if (each->path.relations.empty()) {
            continue;
        }
        auto ids = find_from_the_end(evaluate, request.root, each->path.relations, *each);
        if (ids && (!smallest || ids->size() < smallest->ids->ids.size())) {
            smallest = of_ids(path_name(each->path.relations), std::move(*ids), each);
        }
    }
    if (smallest) {
        return std::move(*smallest);
    }
    return of_index({.name = "newest", .part = global_part, .number = root.newest_index}, tests,
                    nullptr);
}

}  // namespace pinhole::storage::query
