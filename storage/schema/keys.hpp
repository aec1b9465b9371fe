// The keys an entity's declaration gives rise to, and their upkeep: what a commit must write so
// that rows, index entries and unique entries never disagree. ON DISK: golden bytes are in the
// tests.
//
//   row          part = id, no bytes                                   value = the row
//   index entry  part = scope's id or 0, number alive values… id       value empty
//   unique entry part = scope's id or hash, number values…             value = zigzag id, alive
//
// `alive` is one byte, 1 or 0, so that alive and deleted rows lie apart and a list never steps
// over the dead. Pure; thread-safe.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

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

/// FNV-1a, 64 bits (Fowler, Noll, Vo): routes unique entries. On disk, so never another one.
constexpr kv::part_id hash_part(std::string_view bytes) {
    std::uint64_t hash = 14'695'981'039'346'656'037U;
    for (const char byte : bytes) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 1'099'511'628'211U;
    }
    return static_cast<kv::part_id>(hash);
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

template <class Scope, class Row>
kv::part_id scope_part(const Scope& scope, const Row& row) {
    if constexpr (std::is_same_v<Scope, global_scope>) {
        return global_part;
    } else {
        return (row.*scope).id;
    }
}

template <class Index, class Row>
kv::key index_key(const Index& index, const Row& row) {
    kv::key_writer out;
    out.append_u8(index.number);
    out.append_u8(row.is_deleted ? 0 : 1);
    append_key_values(out, index.members, row);
    out.append_i64(row.id);
    return {scope_part(index.scope, row), families::index, out.take()};
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

/// Entries of an index in one part, in the order of their keys or against it.
struct index_range {
    kv::part_id part = global_part;
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
        if (old_key == new_key) {
            return;
        }
        if (old_key) {
            commit.operations.emplace_back(kv::erase{std::move(*old_key)});
        }
        if (new_key) {
            commit.operations.emplace_back(kv::put{std::move(*new_key), {}});
        }
    });
}

/// Adds a new row with all its entries. `outcome::exists` if its id or a unique value is taken.
template <class Row>
void append_create(kv::commit& commit, const Row& row) {
    commit.operations.emplace_back(kv::insert{row_key<Row>(row.id), encode_row(row)});
    append_unique_upkeep<Row>(commit, nullptr, &row);
    append_index_upkeep<Row>(commit, nullptr, &row);
}

/// Replaces the row that was read; conflicts if it has changed since.
template <class Row>
void append_update(kv::commit& commit, const stored<Row>& before, const Row& after) {
    commit.operations.emplace_back(kv::check{row_key<Row>(after.id), before.stamp});
    commit.operations.emplace_back(kv::put{row_key<Row>(after.id), encode_row(after)});
    append_unique_upkeep<Row>(commit, &before.row, &after);
    append_index_upkeep<Row>(commit, &before.row, &after);
}

/// Removes the row that was read, for good; conflicts if it has changed since.
template <class Row>
void append_erase(kv::commit& commit, const stored<Row>& before) {
    commit.operations.emplace_back(kv::check{row_key<Row>(before.row.id), before.stamp});
    commit.operations.emplace_back(kv::erase{row_key<Row>(before.row.id)});
    append_unique_upkeep<Row>(commit, &before.row, nullptr);
    append_index_upkeep<Row>(commit, &before.row, nullptr);
}

/// The commit must not happen if this row has changed since it was read.
template <class Row>
void append_check(kv::commit& commit, const stored<Row>& seen) {
    commit.operations.emplace_back(kv::check{row_key<Row>(seen.row.id), seen.stamp});
}

}  // namespace pinhole::storage
