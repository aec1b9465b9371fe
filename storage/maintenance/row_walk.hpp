// Walks over all rows of an entity, or all keys of a family, whose rows may be damaged: what check,
// repair, reindex and purge have in common.
//
// For one thread. Blocks: on the disk. Errors: those of the reader are thrown through.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "storage/schema/keys.hpp"

namespace pinhole::storage {

/// Of rows as large as may be, 64 MiB.
inline constexpr std::uint32_t rows_per_walk = 1024;

/// Calls `function` with a std::type_identity of each entity whose rows have index entries.
template <class Function>
void for_each_entity(Function&& function) {
    function(std::type_identity<user>{});
    function(std::type_identity<post>{});
    function(std::type_identity<file>{});
    function(std::type_identity<comment>{});
    function(std::type_identity<like>{});
    function(std::type_identity<session>{});
}

/// Calls `function` with the rows of a family, some thousands at a time.
template <class Function>
void walk_family(const kv::reader& reader, kv::family_id family, const Function& function) {
    std::optional<kv::key> beyond;
    for (;;) {
        const auto found = reader.walk(family, beyond ? &*beyond : nullptr, rows_per_walk);
        if (!found.empty()) {
            function(std::span<const kv::located_row>{found});
        }
        if (found.size() < rows_per_walk) {
            return;
        }
        beyond = {found.back().part, family, found.back().row.key};
    }
}

/// The row, if it is one and lies where its id says.
template <class Row>
std::optional<stored<Row>> read_row(const kv::located_row& located) {
    try {
        stored<Row> found{decode_row<Row>(located.row.value), located.row.stamp};
        if (found.row.id == located.part && located.row.key.empty()) {
            return found;
        }
        return std::nullopt;
    } catch (const corrupt_row&) {
        return std::nullopt;  // the check reports it; nothing can be concluded from it
    }
}

/// What a unique entry says; nothing if it says nothing.
inline std::optional<unique_entry> parse_unique_entry(std::string_view value) {
    try {
        return decode_unique_entry(value);
    } catch (const corrupt_row&) {
        return std::nullopt;
    }
}

/// Calls `function` with each sound row of an entity.
template <class Row, class Function>
void walk_rows(const kv::reader& reader, const Function& function) {
    walk_family(reader, schema<Row>::family, [&](std::span<const kv::located_row> batch) {
        for (const kv::located_row& each : batch) {
            if (const auto found = read_row<Row>(each)) {
                function(*found);
            }
        }
    });
}

/// A row that may be there and yet say nothing.
enum class presence : std::uint8_t { absent, damaged, sound };

template <class Row>
struct looked_up {
    storage::presence presence = presence::absent;
    kv::stamp stamp = 0;
    Row row = {};

    bool is_sound() const { return presence == presence::sound; }
};

template <class Row>
looked_up<Row> look_up(const kv::reader& reader, entity_id id) {
    auto found = reader.get(row_key<Row>(id));
    if (!found) {
        return {};
    }
    looked_up<Row> result{.presence = presence::damaged, .stamp = found->stamp};
    const kv::located_row located{id, {{}, std::move(found->value), found->stamp}};
    if (auto row = read_row<Row>(located)) {
        result.presence = presence::sound;
        result.row = std::move(row->row);
    }
    return result;
}

/// Calls `function(key, value)` for each entry that the row must have in the families `index` and
/// `terms`; those of ranks are not the row's alone (ranking.hpp).
template <class Row, class Function>
void for_each_due_entry(const Row& row, const Function& function) {
    for_each_index<Row>([&](const auto& i) { function(index_key(i, row), index_value(i, row)); });
    for_each_inverted<Row>([&](const inverted_index<Row>& i) {
        for (const kv::key& key : inverted_keys(i, row)) {
            function(key, std::string{});
        }
    });
}

/// What the entry at `key` must say if it is one of the row's; nothing if it is not.
template <class Row>
std::optional<std::string> due_value(const Row& row, const kv::key& key) {
    std::optional<std::string> value;
    if (key.bytes.empty()) {
        return value;
    }
    const auto number = static_cast<std::uint8_t>(key.bytes.front());
    for_each_index<Row>([&](const auto& i) {
        if (i.number == number && index_key(i, row) == key) {
            value = index_value(i, row);
        }
    });
    for_each_inverted<Row>([&](const inverted_index<Row>& i) {
        if (i.number == number && key.family == families::terms) {
            const auto keys = inverted_keys(i, row);
            if (std::ranges::find(keys, key) != keys.end()) {
                value = std::string{};
            }
        }
    });
    return value;
}

/// The part of its post's counter that a like or comment is.
inline std::int64_t unit_of(const like& /*row*/) {
    return one_like;
}
inline std::int64_t unit_of(const comment& /*row*/) {
    return one_comment;
}

/// "post 10"
template <class Row>
std::string name_of(entity_id id) {
    return std::string{schema<Row>::singular} + ' ' + std::to_string(id);
}

}  // namespace pinhole::storage
