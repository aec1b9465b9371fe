// The dump's format, version 1 (docs/dump.md): which entities it holds in which files, which fields
// a row has and how each is written, and the manifest. OPEN FORMAT: other programs write and read
// it, and every later version must still restore it; golden lines are in tests/dump.
//
//   users.jsonl, posts.jsonl, …   a row a line: a JSON object of the entity's fields that are shown
//                                 by the API or dumped only, in the declaration's order
//   id, reference                 "123": decimal, as text
//   time                          "2026-11-22T08:05:00.123456Z"
//   text, integer, boolean        as in JSON
//   manifest.json                 one object: format, version, created_at, server_version,
//                                 entities (rows and SHA-256 of each file), media
//
// It derives from the entities' declarations: a field that is added there is dumped.
// Pure; thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>

#include "storage/base/error.hpp"
#include "storage/base/time.hpp"
#include "storage/schema/entities.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::storage::dump {

inline constexpr std::string_view format_name = "pinhole-dump";
inline constexpr std::int64_t format_version = 1;
inline constexpr std::string_view manifest_name = "manifest.json";
/// Before what follows "/media/" in a file's URL.
inline constexpr std::string_view media_folder = "media/";
/// A manifest is never longer.
inline constexpr std::size_t manifest_bytes_max = std::size_t{64} << 10U;

template <class... Rows>
struct row_list {};

/// What is dumped, in this order: a row refers only to rows of entities before its own.
using dumped_rows = row_list<user, post, file, comment, like>;

/// Calls `function.operator()<Row>()` for each dumped entity, in the dump's order.
template <class Function>
constexpr void for_each_dumped(Function&& function) {
    [&]<class... Rows>(row_list<Rows...>) {
        (function.template operator()<Rows>(), ...);
    }(dumped_rows{});
}

/// "users.jsonl"
std::string file_name_of(std::string_view entity);

/// Whether the entity is one of those that are dumped: "users", …
bool is_dumped_entity(std::string_view entity);

/// How a field is written.
enum class field_kind : std::uint8_t { id, text, integer, boolean, time };

template <class Field>
constexpr bool is_dumped(const Field& f) {
    if constexpr (is_stored_field<Field>) {
        return f.shown == exposure::api || f.shown == exposure::dump;
    } else {
        return false;
    }
}

/// Requires: the field is dumped. A reference's kind is `id`.
template <class Row, class Value>
constexpr field_kind kind_of(const field<Row, Value>& f) {
    if constexpr (is_reference<Value>) {
        return field_kind::id;
    } else if constexpr (std::is_same_v<Value, std::string>) {
        return field_kind::text;
    } else if constexpr (std::is_same_v<Value, bool>) {
        return field_kind::boolean;
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        return field_kind::time;
    } else {
        static_assert(std::is_same_v<Value, std::int64_t>, "the dump has no form for this type");
        return f.name == "id" ? field_kind::id : field_kind::integer;
    }
}

/// Calls `function(f)` with each field of a dumped row, in the order in which they are written.
template <class Row, class Function>
constexpr void for_each_dumped_field(Function&& function) {
    for_each_stored_field<Row>([&](const auto& f) {
        using value_type = typename std::remove_cvref_t<decltype(f)>::value_type;
        // The one type that has no form in a dump is that of derived copies.
        if constexpr (!std::is_same_v<value_type, std::vector<file>>) {
            if (is_dumped(f)) {
                function(f);
            }
        }
    });
}

/// Fields whose type the dump cannot write must not claim to be in it, and references must lead
/// back in the dump's order.
template <class Row>
consteval bool is_dumpable() {
    bool dumpable = true;
    for_each_stored_field<Row>([&](const auto& f) {
        using value_type = typename std::remove_cvref_t<decltype(f)>::value_type;
        if constexpr (std::is_same_v<value_type, std::vector<file>>) {
            dumpable = dumpable && !is_dumped(f);
        } else if constexpr (is_reference<value_type>) {
            bool is_before = false;
            bool reached = false;
            for_each_dumped([&]<class Other>() {
                reached = reached || std::is_same_v<Other, Row>;
                is_before =
                    is_before || (!reached && std::is_same_v<Other, typename value_type::target>);
            });
            dumpable = dumpable && is_before;
        }
    });
    return dumpable;
}
static_assert(is_dumpable<user>() && is_dumpable<post>() && is_dumpable<file>() &&
              is_dumpable<comment>() && is_dumpable<like>());

namespace detail {

/// Errors: throw corrupt_row for what no version ever stored: text that is not UTF-8, a time
/// outside the years 0 to 9999.
void append_text(std::string& out, std::string_view text);
void append_time(std::string& out, timestamp instant);
void append_id(std::string& out, entity_id id);

template <class Value>
void append_field_value(std::string& out, const Value& value, field_kind kind) {
    if constexpr (is_reference<Value>) {
        append_id(out, value.id);
    } else if constexpr (std::is_same_v<Value, std::string>) {
        append_text(out, value);
    } else if constexpr (std::is_same_v<Value, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        append_time(out, value);
    } else if (kind == field_kind::id) {
        append_id(out, value);
    } else {
        append_json_integer(out, value);
    }
}

}  // namespace detail

/// Appends the row as a line, its end included.
/// Errors: throws corrupt_row if the row holds what no version ever stored; `out` is then garbage.
template <class Row>
void append_dump_row(std::string& out, const Row& row) {
    char before = '{';
    for_each_dumped_field<Row>([&](const auto& f) {
        out += before;
        before = ',';
        out += '"';
        out += f.name;
        out += "\":";
        detail::append_field_value(out, row.*f.member, kind_of(f));
    });
    out += "}\n";
}

struct entity_sums {
    std::uint64_t rows = 0;
    std::string sha256 = {};  ///< of the whole file, in lower-case hexadecimal
    bool operator==(const entity_sums&) const = default;
};

struct media_sums {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    bool operator==(const media_sums&) const = default;
};

struct manifest {
    timestamp created_at{};  ///< the one instant that the dump shows
    std::string server_version = {};
    /// By name. An entity that was left out of the dump is not there, nor is its file.
    std::map<std::string, entity_sums, std::less<>> entities = {};
    media_sums media = {};  ///< zero without media
    bool operator==(const manifest&) const = default;
};

/// One line, its end included.
std::string to_json(const manifest& m);

enum class unknown_members : std::uint8_t { refuse, ignore };

/// Takes any bytes. Every member is required, but for `media` (zero), and none may stand twice.
/// Errors: malformed (not JSON, nested too deeply, too long), invalid (what is wrong with which
/// member); a newer version of the format is invalid.
result<manifest> parse_manifest(std::string_view json,
                                unknown_members unknown = unknown_members::refuse);

/// "users.jsonl"
template <class Row>
std::string file_name_of() {
    return file_name_of(schema<Row>::name);
}

}  // namespace pinhole::storage::dump
