#include "storage/query/catalog.hpp"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>
#include <vector>

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
value_view get_field(const any_row& row) {
    constexpr auto member = std::get<Position>(schema<Row>::fields).member;
    return to_value_view(std::get<Row>(row).*member);
}

template <class Row, std::size_t Position>
entity_id get_reference(const any_row& row) {
    constexpr auto member = std::get<Position>(schema<Row>::fields).member;
    return (std::get<Row>(row).*member).id;
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
                       &get_reference<Row, Position::value>});
    }
}

/// What refers to `Target` among the fields of `Row`.
template <class Target, class Row>
void append_backward(std::vector<relation_entry>& out) {
    for_each_position<Row>([&]<class Position>(Position) {
        constexpr auto f = std::get<Position::value>(schema<Row>::fields);
        if constexpr (std::is_same_v<typename decltype(f)::value_type, reference_to<Target>>) {
            out.push_back(
                {schema<Row>::name, entity_of<Row>(), true, &get_reference<Row, Position::value>});
        }
    });
}

struct entity_tables {
    std::vector<field_entry> fields;
    std::vector<relation_entry> relations;
};

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
        return made;
    }();
    return {entity_of<Row>(), schema<Row>::name, tables.fields, tables.relations};
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

const field_entry& entity_entry::id_field() const {
    const field_entry* found = find_field("id");
    assert(found != nullptr);
    return *found;
}

const entity_entry& describe(entity which) {
    static const std::array entries = [] {
        return [&]<class... Rows>(std::variant<Rows...>*) {
            return std::array{make_entry<Rows>()...};
        }(static_cast<any_row*>(nullptr));
    }();
    return entries[static_cast<std::size_t>(which)];
}

}  // namespace pinhole::storage::query
