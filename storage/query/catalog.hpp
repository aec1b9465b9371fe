// What a query may name: the entities, their fields and their relations. All of it is derived from
// the declarations in schema/entities.hpp; what the API does not show cannot be named, so no path
// leads to a password or a session.
//
// A backward relation has the name of the list on its far side: a post's `comments` are the rows of
// the comments list whose `post` it is.
//
// Pure data, made once; thread-safe.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "storage/schema/entities.hpp"

namespace pinhole::storage::query {

enum class entity : std::uint8_t { user, post, file, comment, like };

enum class field_kind : std::uint8_t { id, integer, boolean, text, time };

using any_row = std::variant<user, post, file, comment, like>;

/// A field's value, borrowed from its row.
using value_view = std::variant<std::int64_t, bool, std::string_view, timestamp>;

struct field_entry {
    std::string_view name;
    field_kind kind;
    /// Null for what is counted and not stored in the row.
    value_view (*get)(const any_row&);
};

struct relation_entry {
    std::string_view name;
    entity target;
    bool is_backward;
    /// The reference that makes the relation: read from a row of this entity if it is forward, from
    /// one of the target if it is backward.
    entity_id (*get)(const any_row&);
    /// Of the rows that hold the reference, by its id and then by `created_at`.
    std::uint8_t index;
};

/// What finds the rows that refer to two others at once, without a walk over those of the one.
struct pair_entry {
    std::string_view scope;   ///< the relation in whose part it lies
    std::string_view second;  ///< the relation that comes first in its keys
    /// Of the index whose rows are ordered by `created_at` behind that; zero: a unique rule.
    std::uint8_t index;
    /// Of the unique rule.
    kv::key (*unique_key)(entity_id scope, entity_id second);
};

struct entity_entry {
    entity self;
    std::string_view name;  ///< of its list
    std::string_view singular;
    std::span<const field_entry> fields;
    std::span<const relation_entry> relations;
    std::span<const pair_entry> pairs;
    std::uint8_t newest_index;  ///< of all rows, by `created_at`

    const field_entry* find_field(std::string_view wanted) const;
    const relation_entry* find_relation(std::string_view wanted) const;
    /// What every entity has.
    const field_entry& id_field() const;
};

const entity_entry& describe(entity which);
std::span<const entity_entry> all_entities();

}  // namespace pinhole::storage::query
