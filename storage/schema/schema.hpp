// The vocabulary in which entities.hpp declares an entity: fields, references, indexes, unique
// rules. A declaration is data, read at compile time; the row codec, index upkeep, JSON, OpenAPI
// and (later) filters, dump and restore are all derived from it. Adding a field is one line there,
// and a new schema version.
//
// What it refuses to know: HTTP, the store's backend, any particular entity.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

#include "storage/base/id.hpp"
#include "storage/schema/text_rule.hpp"
#include "storage/schema/trigrams.hpp"

namespace pinhole::storage {

/// Specialised for each entity in entities.hpp.
template <class Row>
struct schema;

/// A foreign key. The target type makes the relation part of the field's type.
template <class Target>
struct reference_to {
    using target = Target;
    entity_id id = 0;
    bool operator==(const reference_to&) const = default;
};

template <class T>
inline constexpr bool is_reference = false;
template <class Target>
inline constexpr bool is_reference<reference_to<Target>> = true;

/// Who gets to see a field.
enum class exposure : std::uint8_t {
    api,       ///< in the API's JSON and in dumps
    derived,   ///< in the API's JSON; rebuilt by a restore, so not in dumps
    dump,      ///< in dumps only
    internal,  ///< stays in the database
};

template <class Row, class Value>
struct field {
    using value_type = Value;
    std::uint32_t tag;  ///< on disk: never renumber, never reuse
    std::string_view name;
    Value Row::* member;
    exposure shown = exposure::api;
    text_rule rule = {};
};
template <class Row, class Value>
field(std::uint32_t, const char*, Value Row::*) -> field<Row, Value>;
template <class Row, class Value>
field(std::uint32_t, const char*, Value Row::*, exposure) -> field<Row, Value>;
template <class Row, class Value>
field(std::uint32_t, const char*, Value Row::*, exposure, text_rule) -> field<Row, Value>;

/// A JSON member that is not stored in the row but joined when the row is read (a counter, say).
template <class View, class Value>
struct computed {
    using value_type = Value;
    std::string_view name;
    Value View::* member;
};
template <class View, class Value>
computed(const char*, Value View::*) -> computed<View, Value>;

template <class T>
inline constexpr bool is_stored_field = false;
template <class Row, class Value>
inline constexpr bool is_stored_field<field<Row, Value>> = true;

/// Marks an index or unique rule whose entries lie in one part for the whole entity.
struct global_scope {};

/// Marks an index whose entries have no value.
struct nothing {};

/// An ordered index: number, alive flag, the members' values, the row's id. `scope` is the
/// reference whose id routes the entry (a post's comments lie in the post's part), or
/// `global_scope`. Numbers are on disk and unique over all entities: never renumber.
/// An entry's value is the id of the reference it `covers`, so that where rows lead to is known
/// without reading them; empty if it covers `nothing`.
template <class Scope, class Covered, class... Members>
struct index {
    std::uint8_t number;
    std::string_view name;
    Scope scope;
    std::tuple<Members...> members;
    Covered covers = {};
};
template <class Scope, class... Members>
index(int, const char*, Scope, std::tuple<Members...>) -> index<Scope, nothing, Members...>;
template <class Scope, class Covered, class... Members>
index(int, const char*, Scope, std::tuple<Members...>, Covered)
    -> index<Scope, Covered, Members...>;

/// A unique rule: the same without the id, alive or not, so that a deleted row keeps its place.
/// Scoped by a reference, or (with `global_scope`) routed by a hash of the values.
template <class Scope, class... Members>
struct unique {
    std::uint8_t number;
    std::string_view name;
    Scope scope;
    std::tuple<Members...> members;
};

/// How the terms of an inverted index answer a filter.
enum class term_kind : std::uint8_t {
    values,    ///< an `exact` filter of `path` is the term itself, encoded as a key's string
    trigrams,  ///< a text that holds the needle has the needle's trigrams
};

/// Where the terms of a row come from.
template <class Row>
struct term_source {
    std::vector<std::string> (*list)(const Row&);    ///< sorted, each once
    void (*visit)(const Row&, const term_visitor&);  ///< in any order, some several times
};

/// An index with an entry for each of a row's terms; the rows of one term come in the order of
/// `created_at`. Alive rows alone have entries. `path` is the filter path that it serves.
template <class Row>
struct inverted_index {
    std::uint8_t number;
    std::string_view path;
    term_kind kind;
    term_source<Row> terms;
};

/// An index by a count that a counter holds (ranking.hpp): a sum of many writers' `add`s, which no
/// commit knows. `count_of` reads the count out of the counter's value.
struct rank {
    std::uint8_t number;
    std::string_view field;
    std::int64_t (*count_of)(std::int64_t counter);
};

template <class Row>
inline constexpr bool has_ranks = requires { schema<Row>::ranks; };

template <class Row, class Function>
constexpr void for_each_field(Function&& function) {
    std::apply([&](const auto&... f) { (function(f), ...); }, schema<Row>::fields);
}

template <class Row, class Function>
constexpr void for_each_stored_field(Function&& function) {
    for_each_field<Row>([&](const auto& f) {
        if constexpr (is_stored_field<std::remove_cvref_t<decltype(f)>>) {
            function(f);
        }
    });
}

/// The rule declared for a text field, looked up by name at compile time.
template <class Row>
consteval text_rule rule_of(std::string_view name) {
    text_rule found{};
    bool known = false;
    for_each_stored_field<Row>([&](const auto& f) {
        if (f.name == name) {
            found = f.rule;
            known = true;
        }
    });
    if (!known) {
        throw "the entity has no field of this name";
    }
    return found;
}

/// Tags and names are unique within the entity. Tags may stand in any order, since the
/// declaration's order is that of the JSON.
template <class Row>
consteval bool is_sound() {
    std::array<std::string_view, std::tuple_size_v<decltype(schema<Row>::fields)>> names{};
    std::size_t count = 0;
    bool sound = true;
    for_each_field<Row>([&](const auto& f) {
        for (std::size_t i = 0; i < count; ++i) {
            sound = sound && names[i] != f.name;
        }
        names[count++] = f.name;
        if constexpr (is_stored_field<std::remove_cvref_t<decltype(f)>>) {
            sound = sound && f.tag != 0;
        }
    });
    for_each_stored_field<Row>([&](const auto& f) {
        std::size_t same = 0;
        for_each_stored_field<Row>([&](const auto& g) { same += g.tag == f.tag ? 1 : 0; });
        sound = sound && same == 1;
    });
    return sound;
}

template <class Row, class Function>
constexpr void for_each_index(Function&& function) {
    std::apply([&](const auto&... i) { (function(i), ...); }, schema<Row>::indexes);
}
template <class Row, class Function>
constexpr void for_each_inverted(Function&& function) {
    if constexpr (requires { schema<Row>::inverted; }) {
        for (const inverted_index<Row>& i : schema<Row>::inverted) {
            function(i);
        }
    }
}
template <class Row, class Function>
constexpr void for_each_rank(Function&& function) {
    if constexpr (has_ranks<Row>) {
        for (const rank& r : schema<Row>::ranks) {
            function(r);
        }
    }
}
template <class Row, class Function>
constexpr void for_each_unique(Function&& function) {
    std::apply([&](const auto&... u) { (function(u), ...); }, schema<Row>::uniques);
}

/// Where the index of this name stands in the declaration, looked up at compile time.
template <class Row>
consteval std::size_t index_position(std::string_view name) {
    std::size_t found = 0;
    std::size_t position = 0;
    bool known = false;
    for_each_index<Row>([&](const auto& i) {
        if (i.name == name) {
            found = position;
            known = true;
        }
        ++position;
    });
    if (!known) {
        throw "the entity has no index of this name";
    }
    return found;
}

/// The number of the index of this name: what its keys begin with.
template <class Row>
consteval std::uint8_t index_number(std::string_view name) {
    const std::size_t wanted = index_position<Row>(name);
    std::size_t position = 0;
    std::uint8_t number = 0;
    for_each_index<Row>([&](const auto& i) { number = position++ == wanted ? i.number : number; });
    return number;
}

/// Where the unique rule of this name stands in the declaration, looked up at compile time.
template <class Row>
consteval std::size_t unique_position(std::string_view name) {
    std::size_t found = 0;
    std::size_t position = 0;
    bool known = false;
    for_each_unique<Row>([&](const auto& u) {
        if (u.name == name) {
            found = position;
            known = true;
        }
        ++position;
    });
    if (!known) {
        throw "the entity has no unique rule of this name";
    }
    return found;
}

/// Index numbers, and unique numbers, are distinct over all entities and from the numbers of
/// `other_indexes`, which no entity declares.
template <class... Rows>
consteval bool has_distinct_numbers(std::initializer_list<std::uint8_t> other_indexes) {
    std::array<int, 256> indexes{};
    std::array<int, 256> uniques{};
    for (const std::uint8_t number : other_indexes) {
        ++indexes[number];
    }
    (for_each_index<Rows>([&](const auto& i) { ++indexes[i.number]; }), ...);
    (for_each_inverted<Rows>([&](const auto& i) { ++indexes[i.number]; }), ...);
    (for_each_rank<Rows>([&](const auto& r) { ++indexes[r.number]; }), ...);
    const auto count_rank_records = [&]<class Row>(const Row*) {
        if constexpr (has_ranks<Row>) {
            ++indexes[schema<Row>::unranked_number];
            ++indexes[schema<Row>::ranked_number];
        }
    };
    (count_rank_records(static_cast<const Rows*>(nullptr)), ...);
    (for_each_unique<Rows>([&](const auto& u) { ++uniques[u.number]; }), ...);
    bool distinct = true;
    for (std::size_t number = 0; number < 256; ++number) {
        distinct = distinct && indexes[number] <= 1 && uniques[number] <= 1;
    }
    return distinct;
}

}  // namespace pinhole::storage
