// The keys an entity's declaration gives rise to, and their upkeep: what a commit must write so
// that rows, index entries and unique entries never disagree. ON DISK: golden bytes are in the
// tests.
//
//   row          part = id, no bytes                                   value = the row
//   index entry  part = scope's id or 0, number alive values… id       value empty, or the zigzag
//                                                                      id that the index covers
//   posting      part = 0, number 1 term created_at id                 value empty
//   unranked     part = 0, number 1 stamp id                                 value empty
//   (ranking.hpp) unique entry part = scope's id or hash, number values…             value = zigzag
//   id, alive
//
// `alive` is one byte, 1 or 0, so that alive and deleted rows lie apart and a list never steps
// over the dead. Pure; thread-safe.
#pragma once

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "storage/base/hash.hpp"
#include "storage/kv/key_codec.hpp"
#include "storage/kv/store.hpp"
#include "storage/schema/entities.hpp"
#include "storage/schema/row_codec.hpp"

namespace pinhole::storage {

/// The part in which a global index lies. One slot while embedded; a sharded store spreads it.
inline constexpr kv::part_id global_part = 0;

/// A row as it was read, with the stamp that a later commit checks.
template <class Row>
struct stored {
    Row row;
    kv::stamp stamp = 0;
};

/// Routes unique entries.
constexpr kv::part_id hash_part(std::string_view bytes) {
    return static_cast<kv::part_id>(fnv1a(bytes));
}

template <class Row>
kv::key row_key(entity_id id) {
    return {.part = id, .family = schema<Row>::family, .bytes = {}};
}

inline void append_key_value(kv::key_writer& out, const std::string& value) {
    out.append_string(value);
}
inline void append_key_value(kv::key_writer& out, std::int64_t value) {
    out.append_i64(value);
}
inline void append_key_value(kv::key_writer& out, timestamp value) {
    out.append_i64(to_microseconds(value));
}
template <class Target>
void append_key_value(kv::key_writer& out, reference_to<Target> value) {
    out.append_i64(value.id);
}

template <class Members, class Row>
void append_key_values(kv::key_writer& out, const Members& members, const Row& row) {
    std::apply([&](const auto&... member) { (append_key_value(out, row.*member), ...); }, members);
}

/// The common front of all entries of one index that are alive, or deleted.
inline std::string index_prefix(std::uint8_t number, bool alive) {
    kv::key_writer out;
    out.append_u8(number);
    out.append_u8(alive ? 1 : 0);
    return out.take();
}

/// What an index entry says of the reference that its index covers.
/// Errors: `decode` throws corrupt_row.
std::string encode_covered(entity_id id);
entity_id decode_covered(std::string_view bytes);

template <class Scope, class Row>
kv::part_id scope_part(const Scope& scope, const Row& row) {
    if constexpr (std::is_same_v<Scope, global_scope>) {
        return global_part;
    } else {
        return (row.*scope).id;
    }
}

/// What an index key is behind its part.
template <class Index, class Row>
void append_index_key(kv::key_writer& out, const Index& index, const Row& row) {
    out.append_u8(index.number);
    out.append_u8(row.is_deleted ? 0 : 1);
    append_key_values(out, index.members, row);
    out.append_i64(row.id);
}

template <class Index, class Row>
kv::key index_key(const Index& index, const Row& row) {
    kv::key_writer out;
    append_index_key(out, index, row);
    return {scope_part(index.scope, row), families::index, out.take()};
}

template <class Index, class Row>
std::string index_value(const Index& index, const Row& row) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(index.covers)>, nothing>) {
        return {};
    } else {
        return encode_covered((row.*index.covers).id);
    }
}

/// The front of an inverted index's entries for one term, as `inverted_index` gives it.
inline std::string term_prefix(std::uint8_t number, std::string_view term) {
    return index_prefix(number, true).append(term);
}

/// Such fronts, one for each of the row's terms, sorted; none if it is deleted.
template <class Row>
std::vector<std::string> term_prefixes(const inverted_index<Row>& index, const Row& row) {
    if (row.is_deleted) {
        return {};
    }
    std::vector<std::string> terms = index.terms.list(row);
    for (std::string& term : terms) {
        term = term_prefix(index.number, term);
    }
    return terms;
}

/// The same in any order, some several times, valid for the time of the call.
template <class Row>
void visit_term_prefixes(const inverted_index<Row>& index, const Row& row,
                         const term_visitor& visit) {
    if (row.is_deleted) {
        return;
    }
    std::string prefix = term_prefix(index.number, {});
    const std::size_t front = prefix.size();
    index.terms.visit(row, [&](std::string_view term) {
        prefix.resize(front);
        visit(prefix.append(term));
    });
}

/// What stands behind the term in the entries of a row: where they list it.
template <class Row>
std::string posting_place(const Row& row) {
    kv::key_writer place;
    append_key_value(place, row.created_at);
    place.append_i64(row.id);
    return place.take();
}

/// One for each of the row's terms, sorted; none if it is deleted.
template <class Row>
std::vector<kv::key> inverted_keys(const inverted_index<Row>& index, const Row& row) {
    std::vector<kv::key> keys;
    const std::string place = posting_place(row);
    for (std::string& term : term_prefixes(index, row)) {
        keys.push_back({global_part, families::terms, std::move(term += place)});
    }
    return keys;
}

template <class Unique, class Row>
kv::key unique_key(const Unique& unique, const Row& row) {
    kv::key_writer out;
    out.append_u8(unique.number);
    append_key_values(out, unique.members, row);
    std::string bytes = out.take();
    const kv::part_id part = [&] {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(unique.scope)>, global_scope>) {
            return hash_part(bytes);
        } else {
            return (row.*unique.scope).id;
        }
    }();
    return {part, families::unique, std::move(bytes)};
}

/// Of the counter that holds an entity's counts.
template <class Row>
kv::key counter_key(entity_id id) {
    return {id, families::counters, std::string{schema<Row>::counter_name}};
}

/// Entries of an index in one part, in the order of their keys or against it.
struct index_range {
    kv::part_id part = global_part;
    kv::family_id family = families::index;
    std::string prefix = {};  ///< as `index_prefix` gives it, perhaps with leading values
    std::string_view beyond =
        {};  ///< the key after which (in walking order) it begins; empty: at its end
    std::uint32_t limit = 0;
    bool reverse = false;
};
std::vector<kv::row> scan_index(const kv::reader& reader, index_range range);

/// What a unique entry says: whose it is, and whether that row is alive.
struct unique_entry {
    entity_id id = 0;
    bool alive = false;
};
std::string encode_unique_entry(unique_entry entry);
unique_entry decode_unique_entry(std::string_view bytes);

/// The id that ends an index entry's key.
entity_id id_of_index_key(std::string_view key_bytes);
std::vector<entity_id> ids_of(std::span<const kv::row> entries);

template <class Row>
void append_unique_upkeep(kv::commit& commit, const Row* before, const Row* after) {
    for_each_unique<Row>([&](const auto& u) {
        std::optional<kv::key> old_key =
            before ? std::optional{unique_key(u, *before)} : std::nullopt;
        if (after == nullptr) {
            commit.operations.emplace_back(kv::erase{std::move(*old_key)});
            return;
        }
        kv::key new_key = unique_key(u, *after);
        std::string value = encode_unique_entry({after->id, !after->is_deleted});
        if (old_key && *old_key == new_key) {
            if (before->is_deleted != after->is_deleted) {
                commit.operations.emplace_back(kv::put{std::move(new_key), std::move(value)});
            }
            return;
        }
        if (old_key) {
            commit.operations.emplace_back(kv::erase{std::move(*old_key)});
        }
        commit.operations.emplace_back(kv::insert{std::move(new_key), std::move(value)});
    });
}

template <class Row>
void append_index_upkeep(kv::commit& commit, const Row* before, const Row* after) {
    for_each_index<Row>([&](const auto& i) {
        std::optional<kv::key> old_key =
            before ? std::optional{index_key(i, *before)} : std::nullopt;
        std::optional<kv::key> new_key = after ? std::optional{index_key(i, *after)} : std::nullopt;
        const bool is_same_key = old_key == new_key;
        if (is_same_key && (!after || index_value(i, *before) == index_value(i, *after))) {
            return;
        }
        if (old_key && !is_same_key) {
            commit.operations.emplace_back(kv::erase{std::move(*old_key)});
        }
        if (new_key) {
            commit.operations.emplace_back(kv::put{std::move(*new_key), index_value(i, *after)});
        }
    });
}

template <class Row>
void append_inverted_upkeep(kv::commit& commit, const Row* before, const Row* after) {
    for_each_inverted<Row>([&](const inverted_index<Row>& index) {
        const auto keys_of = [&](const Row* row) {
            return row != nullptr ? inverted_keys(index, *row) : std::vector<kv::key>{};
        };
        const auto by_bytes = [](const kv::key& a, const kv::key& b) { return a.bytes < b.bytes; };
        const auto old_keys = keys_of(before);
        const auto new_keys = keys_of(after);
        std::vector<kv::key> changed;
        std::ranges::set_difference(old_keys, new_keys, std::back_inserter(changed), by_bytes);
        for (kv::key& key : changed) {
            commit.operations.emplace_back(kv::erase{std::move(key)});
        }
        changed.clear();
        std::ranges::set_difference(new_keys, old_keys, std::back_inserter(changed), by_bytes);
        for (kv::key& key : changed) {
            commit.operations.emplace_back(kv::put{std::move(key), {}});
        }
    });
}

/// Notes that the row's places in the indexes by its counts have to be looked at again
/// (ranking.hpp): it has come, gone, or its counts change in this commit.
template <class Row>
void append_unranked(kv::commit& commit, entity_id id) {
    kv::key_writer behind;
    behind.append_i64(id);
    commit.operations.emplace_back(kv::enqueue{
        {global_part, families::index, index_prefix(schema<Row>::unranked_number, true)},
        behind.take()});
}

template <class Row>
void append_entries(kv::commit& commit, const Row* before, const Row* after) {
    append_unique_upkeep<Row>(commit, before, after);
    append_index_upkeep<Row>(commit, before, after);
    append_inverted_upkeep<Row>(commit, before, after);
    if constexpr (has_ranks<Row>) {
        if (before == nullptr || after == nullptr || before->is_deleted != after->is_deleted) {
            append_unranked<Row>(commit, before != nullptr ? before->id : after->id);
        }
    }
}

/// Adds a new row with all its entries. `outcome::exists` if its id or a unique value is taken.
template <class Row>
void append_create(kv::commit& commit, const Row& row) {
    commit.operations.emplace_back(kv::insert{row_key<Row>(row.id), encode_row(row)});
    append_entries<Row>(commit, nullptr, &row);
}

/// Replaces the row that was read; conflicts if it has changed since.
template <class Row>
void append_update(kv::commit& commit, const stored<Row>& before, const Row& after) {
    commit.operations.emplace_back(kv::check{row_key<Row>(after.id), before.stamp});
    commit.operations.emplace_back(kv::put{row_key<Row>(after.id), encode_row(after)});
    append_entries<Row>(commit, &before.row, &after);
}

/// Removes the row that was read, for good; conflicts if it has changed since.
template <class Row>
void append_erase(kv::commit& commit, const stored<Row>& before) {
    commit.operations.emplace_back(kv::check{row_key<Row>(before.row.id), before.stamp});
    commit.operations.emplace_back(kv::erase{row_key<Row>(before.row.id)});
    append_entries<Row>(commit, &before.row, nullptr);
}

/// The commit must not happen if this row has changed since it was read.
template <class Row>
void append_check(kv::commit& commit, const stored<Row>& seen) {
    commit.operations.emplace_back(kv::check{row_key<Row>(seen.row.id), seen.stamp});
}

}  // namespace pinhole::storage
