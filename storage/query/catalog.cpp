#include "storage/query/catalog.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>
#include <vector>

#include "storage/schema/keys.hpp"

namespace pinhole::storage::query {

namespace {

template <class Row>
consteval entity entity_of() {
    return static_cast<entity>(any_row{std::in_place_type<Row>}.index());
}

value_view to_value_view(std::int64_t value) {
    return value;
}
value_view to_value_view(bool value) {
    return value;
}
value_view to_value_view(const std::string& value) {
    return std::string_view{value};
}
value_view to_value_view(timestamp value) {
    return value;
}

template <class Row, std::size_t Position>
constexpr auto declared_member = std::get<Position>(schema<Row>::fields).member;

template <class Row, std::size_t Position>
value_view get_field(const any_row& row) {
    return to_value_view(std::get<Row>(row).*declared_member<Row, Position>);
}

template <class Row, std::size_t Position>
entity_id get_reference(const any_row& row) {
    return (std::get<Row>(row).*declared_member<Row, Position>).id;
}

template <class Value>
constexpr bool is_scalar = std::is_same_v<Value, std::int64_t> || std::is_same_v<Value, bool> ||
                           std::is_same_v<Value, std::string> || std::is_same_v<Value, timestamp>;

template <class Value>
field_kind kind_of(std::string_view name) {
    if constexpr (std::is_same_v<Value, bool>) {
        return field_kind::boolean;
    } else if constexpr (std::is_same_v<Value, std::string>) {
        return field_kind::text;
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        return field_kind::time;
    } else {
        return name == "id" ? field_kind::id : field_kind::integer;
    }
}

/// Calls `function` with each position in the entity's declaration.
template <class Row, class Function>
void for_each_position(const Function& function) {
    constexpr std::size_t count = std::tuple_size_v<decltype(schema<Row>::fields)>;
    [&]<std::size_t... Positions>(std::index_sequence<Positions...>) {
        (function(std::integral_constant<std::size_t, Positions>{}), ...);
    }(std::make_index_sequence<count>{});
}

/// The index that is routed by this scope and ordered by `created_at` alone.
template <class Row, class Scope>
consteval std::uint8_t index_by(Scope scope) {
    std::uint8_t number = 0;
    for_each_index<Row>([&]<class Index>(const Index& index) {
        if constexpr (std::is_same_v<decltype(index.scope), Scope> &&
                      std::is_same_v<decltype(index.members), std::tuple<timestamp Row::*>>) {
            if constexpr (std::is_same_v<Scope, global_scope>) {
                number = index.name == "newest" ? index.number : number;
            } else {
                number = index.scope == scope ? index.number : number;
            }
        }
    });
    if (number == 0) {
        throw "the entity has no such index";
    }
    return number;
}

template <class Row, class Position>
void append_field(std::vector<field_entry>& out, Position /*position*/) {
    constexpr auto f = std::get<Position::value>(schema<Row>::fields);
    using value_type = typename decltype(f)::value_type;
    if constexpr (!is_scalar<value_type>) {
        return;
    } else if constexpr (is_stored_field<std::remove_const_t<decltype(f)>>) {
        if (f.shown == exposure::api) {
            out.push_back({f.name, kind_of<value_type>(f.name), &get_field<Row, Position::value>});
        }
    } else if constexpr (std::is_same_v<value_type, std::int64_t>) {
        out.push_back({f.name, field_kind::integer, nullptr});
    }
}

template <class Row, class Position>
void append_forward(std::vector<relation_entry>& out, Position /*position*/) {
    constexpr auto f = std::get<Position::value>(schema<Row>::fields);
    if constexpr (is_reference<typename decltype(f)::value_type>) {
        out.push_back({f.name, entity_of<typename decltype(f)::value_type::target>(), false,
                       &get_reference<Row, Position::value>,
                       index_by<Row>(declared_member<Row, Position::value>)});
    }
}

/// What refers to `Target` among the fields of `Row`.
template <class Target, class Row>
void append_backward(std::vector<relation_entry>& out) {
    for_each_position<Row>([&]<class Position>(Position) {
        constexpr auto f = std::get<Position::value>(schema<Row>::fields);
        if constexpr (std::is_same_v<typename decltype(f)::value_type, reference_to<Target>>) {
            out.push_back({schema<Row>::name, entity_of<Row>(), true,
                           &get_reference<Row, Position::value>,
                           index_by<Row>(declared_member<Row, Position::value>)});
        }
    });
}

/// The name of the field that a member pointer means.
template <class Row, class Member>
constexpr std::string_view name_of(Member member) {
    std::string_view name;
    for_each_stored_field<Row>([&](const auto& f) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(f.member)>, Member>) {
            name = f.member == member ? f.name : name;
        }
    });
    return name;
}

template <class Row>
std::vector<index_entry> list_indexes() {
    std::vector<index_entry> entries;
    for_each_index<Row>([&](const auto& index) {
        index_entry made{index.name, index.number, {}, {}, {}};
        if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(index.scope)>, global_scope>) {
            made.scope = name_of<Row>(index.scope);
        }
        std::apply(
            [&](const auto&... member) { (made.members.push_back(name_of<Row>(member)), ...); },
            index.members);
        if constexpr (!std::is_same_v<std::remove_cvref_t<decltype(index.covers)>, nothing>) {
            made.covers = name_of<Row>(index.covers);
        }
        entries.push_back(std::move(made));
    });
    return entries;
}

template <class Members>
constexpr bool is_one_reference = false;
template <class Row, class Target>
constexpr bool is_one_reference<std::tuple<reference_to<Target> Row::*>> = true;

template <class Members>
constexpr bool is_one_text = false;
template <class Row>
constexpr bool is_one_text<std::tuple<std::string Row::*>> = true;

template <class Row, std::size_t Position>
kv::key make_pair_key(entity_id scope, entity_id second) {
    constexpr auto rule = std::get<Position>(schema<Row>::uniques);
    Row row;
    (row.*rule.scope).id = scope;
    (row.*std::get<0>(rule.members)).id = second;
    return unique_key(rule, row);
}

template <class Row, std::size_t Position>
kv::key make_text_key(std::string_view text) {
    constexpr auto rule = std::get<Position>(schema<Row>::uniques);
    Row row;
    row.*std::get<0>(rule.members) = text;
    return unique_key(rule, row);
}

struct entity_tables {
    std::vector<field_entry> fields;
    std::vector<relation_entry> relations;
    std::vector<index_entry> indexes;
    std::vector<pair_entry> pairs;
    std::vector<unique_text_entry> unique_texts;
    std::vector<inverted_entry> inverted;
    std::vector<rank_entry> ranks;
};

template <class Row, std::size_t Position>
void append_unique(entity_tables& out) {
    constexpr auto rule = std::get<Position>(schema<Row>::uniques);
    using members = std::remove_cvref_t<decltype(rule.members)>;
    if constexpr (is_one_reference<members>) {
        out.pairs.push_back({name_of<Row>(rule.scope), name_of<Row>(std::get<0>(rule.members)),
                             &make_pair_key<Row, Position>});
    } else if constexpr (is_one_text<members>) {
        out.unique_texts.push_back(
            {name_of<Row>(std::get<0>(rule.members)), &make_text_key<Row, Position>});
    }
}

template <class Row>
void append_uniques(entity_tables& out) {
    [&]<std::size_t... Positions>(std::index_sequence<Positions...>) {
        (append_unique<Row, Positions>(out), ...);
    }(std::make_index_sequence<std::tuple_size_v<decltype(schema<Row>::uniques)>>{});
}

template <class Row>
entity_entry make_entry() {
    static const entity_tables tables = [] {
        entity_tables made;
        for_each_position<Row>([&](auto position) {
            append_field<Row>(made.fields, position);
            append_forward<Row>(made.relations, position);
        });
        [&]<class... Rows>(std::variant<Rows...>*) {
            (append_backward<Row, Rows>(made.relations), ...);
        }(static_cast<any_row*>(nullptr));
        made.indexes = list_indexes<Row>();
        append_uniques<Row>(made);
        for_each_inverted<Row>([&](const inverted_index<Row>& index) {
            made.inverted.push_back({index.path, index.number, index.kind});
        });
        for_each_rank<Row>([&](const rank& r) { made.ranks.push_back({r.field, r.number}); });
        return made;
    }();
    return {.self = entity_of<Row>(),
            .name = schema<Row>::name,
            .singular = schema<Row>::singular,
            .fields = tables.fields,
            .relations = tables.relations,
            .indexes = tables.indexes,
            .pairs = tables.pairs,
            .unique_texts = tables.unique_texts,
            .inverted = tables.inverted,
            .ranks = tables.ranks,
            .newest_index = index_by<Row>(global_scope{}),
            .family = schema<Row>::family};
}

template <class Entries>
auto find_named(const Entries& entries, std::string_view wanted) -> decltype(&entries[0]) {
    const auto found =
        std::ranges::find_if(entries, [wanted](const auto& entry) { return entry.name == wanted; });
    return found == entries.end() ? nullptr : &*found;
}

}  // namespace

const field_entry* entity_entry::find_field(std::string_view wanted) const {
    return find_named(fields, wanted);
}

const relation_entry* entity_entry::find_relation(std::string_view wanted) const {
    return find_named(relations, wanted);
}

const inverted_entry* entity_entry::find_inverted(std::string_view path) const {
    const auto found = std::ranges::find(inverted, path, &inverted_entry::path);
    return found == inverted.end() ? nullptr : &*found;
}

const rank_entry* entity_entry::find_rank(std::string_view field) const {
    const auto found = std::ranges::find(ranks, field, &rank_entry::field);
    return found == ranks.end() ? nullptr : &*found;
}

const unique_text_entry* entity_entry::find_unique_text(std::string_view field) const {
    const auto found = std::ranges::find(unique_texts, field, &unique_text_entry::field);
    return found == unique_texts.end() ? nullptr : &*found;
}

const index_entry* entity_entry::find_covering(std::string_view scope,
                                               std::string_view covered) const {
    const auto found = std::ranges::find_if(indexes, [&](const index_entry& index) {
        return index.scope == scope && index.covers == covered && index.is_by_time_behind(0);
    });
    return found == indexes.end() ? nullptr : &*found;
}

std::string_view entity_entry::reference_of(const relation_entry& backward) const {
    return std::ranges::find(indexes, backward.index, &index_entry::number)->scope;
}

const field_entry& entity_entry::id_field() const {
    const field_entry* found = find_field("id");
    assert(found != nullptr);
    return *found;
}

std::string list_served_filters(const entity_entry& of) {
    std::string names = "id";
    const auto append = [&names](std::string_view name) { names.append(", ").append(name); };
    for (const unique_text_entry& each : of.unique_texts) {
        append(each.field);
    }
    for (const relation_entry& each : of.relations) {
        append(each.name);
    }
    for (const inverted_entry& each : of.inverted) {
        append(each.path);
        names += each.kind == term_kind::trigrams ? " (three characters of it or more)" : "";
    }
    for (const rank_entry& each : of.ranks) {
        append(each.field);
    }
    append("created_at");
    return names;
}

std::string list_served_orders(const entity_entry& of) {
    std::string names = "created_at";
    for (const index_entry& each : of.indexes) {
        if (each.scope.empty() && each.members.size() == 1 && each.members[0] != "created_at") {
            names.append(", ").append(each.members[0]);
        }
    }
    for (const rank_entry& each : of.ranks) {
        names.append(", ").append(each.field);
    }
    return names;
}

std::span<const entity_entry> all_entities() {
    static const std::array entries = [] {
        return [&]<class... Rows>(std::variant<Rows...>*) {
            return std::array{make_entry<Rows>()...};
        }(static_cast<any_row*>(nullptr));
    }();
    return entries;
}

const entity_entry& describe(entity which) {
    return all_entities()[static_cast<std::size_t>(which)];
}

}  // namespace pinhole::storage::query
