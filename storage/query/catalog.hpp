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
#include <vector>

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

/// A declared index: entries of one part are ordered by the members, then by id.
struct index_entry {
    std::string_view name;
    std::uint8_t number;
    std::string_view scope;                 ///< the relation by whose id it is parted; empty: none
    std::vector<std::string_view> members;  ///< names of fields and forward relations
    std::string_view covers;                ///< the relation whose id is the value; empty: none

    /// Behind so many members its order is that of time.
    bool is_by_time_behind(std::size_t leading) const {
        return members.size() == leading + 1 && members.back() == "created_at";
    }
};

/// A unique rule over two references.
struct pair_entry {
    std::string_view scope;
    std::string_view second;
    kv::key (*unique_key)(entity_id scope, entity_id second);
};

/// A unique rule over one text.
struct unique_text_entry {
    std::string_view field;
    kv::key (*unique_key)(std::string_view text);
};

/// An inverted index: by a term, then by `created_at`.
struct inverted_entry {
    std::string_view path;
    std::uint8_t number;
    term_kind kind;
};

struct rank_entry {
    std::string_view field;
    std::uint8_t number;
};

struct entity_entry {
    entity self;
    std::string_view name;  ///< of its list
    std::string_view singular;
    std::span<const field_entry> fields;
    std::span<const relation_entry> relations;
    std::span<const index_entry> indexes;
    std::span<const pair_entry> pairs;
    std::span<const unique_text_entry> unique_texts;
    std::span<const inverted_entry> inverted;
    std::span<const rank_entry> ranks;
    std::uint8_t newest_index;  ///< of all rows, by `created_at`
    kv::family_id family;

    const field_entry* find_field(std::string_view wanted) const;
    const relation_entry* find_relation(std::string_view wanted) const;
    const inverted_entry* find_inverted(std::string_view path) const;
    const rank_entry* find_rank(std::string_view field) const;
    const unique_text_entry* find_unique_text(std::string_view field) const;
    /// The index by time, parted by one reference, whose entries say the other.
    const index_entry* find_covering(std::string_view scope, std::string_view covered) const;
    /// The name of the reference that makes a backward relation to this entity.
    std::string_view reference_of(const relation_entry& backward) const;
    /// What every entity has.
    const field_entry& id_field() const;
};

/// What rows are found by without looking at many, and which orders take no sorting: for people.
std::string list_served_filters(const entity_entry& of);
std::string list_served_orders(const entity_entry& of);

const entity_entry& describe(entity which);
std::span<const entity_entry> all_entities();

}  // namespace pinhole::storage::query
