// The API's JSON of a view, written straight from the entity's declaration: no tree is built, which
// is what makes reads cheap. (Parsing, where input is hostile, is nlohmann's.)
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "storage/schema/entities.hpp"

namespace pinhole::storage {

/// A JSON string with its quotes. Requires: valid UTF-8 (only such text is ever stored).
void append_json_string(std::string& out, std::string_view text);
void append_json_integer(std::string& out, std::int64_t value);

template <class View>
void append_json(std::string& out, const View& view);

void append_json(std::string& out, const user_brief& brief);

namespace json_detail {

template <class T>
inline constexpr bool is_file_list = std::is_same_v<T, std::vector<file>>;

inline void append_id(std::string& out, entity_id id) {
    out += '"';
    append_json_integer(out, id);
    out += '"';
}

template <class Value, class View>
void append_value(std::string& out, const Value& value, std::string_view name, const View& view) {
    if constexpr (std::is_same_v<Value, std::string>) {
        append_json_string(out, value);
    } else if constexpr (std::is_same_v<Value, bool>) {
        out += value ? "true" : "false";
    } else if constexpr (std::is_same_v<Value, timestamp>) {
        out += '"';
        append_rfc3339(out, value);
        out += '"';
    } else if constexpr (std::is_same_v<Value, reference_to<user>>) {
        append_json(out, view.person);
    } else if constexpr (is_reference<Value>) {
        append_id(out, value.id);
    } else if constexpr (is_file_list<Value>) {
        out += '[';
        for (std::size_t i = 0; i < value.size(); ++i) {
            out += i == 0 ? "" : ",";
            append_json(out, file_view{value[i]});
        }
        out += ']';
    } else if (name == "id") {
        append_id(out, value);
    } else {
        append_json_integer(out, value);
    }
}

}  // namespace json_detail

/// Whether the API shows a field of the declaration.
template <class Field>
constexpr bool is_shown(const Field& f) {
    if constexpr (is_stored_field<Field>) {
        return f.shown == exposure::api || f.shown == exposure::derived;
    } else {
        return true;
    }
}

template <class View>
void append_json(std::string& out, const View& view) {
    char before = '{';
    for_each_field<decltype(View::row)>([&](const auto& f) {
        using field_type = std::remove_cvref_t<decltype(f)>;
        if (!is_shown(f)) {
            return;
        }
        out += before;
        before = ',';
        out += '"';
        out += f.name;
        out += "\":";
        if constexpr (is_stored_field<field_type>) {
            if constexpr (!(is_reference<typename field_type::value_type> &&
                            std::is_same_v<decltype(View::row), session>)) {
                json_detail::append_value(out, view.row.*f.member, f.name, view);
            }
        } else {
            json_detail::append_value(out, view.*f.member, f.name, view);
        }
    });
    out += '}';
}

template <class View>
std::string to_json(const View& view) {
    std::string out;
    out.reserve(512);
    append_json(out, view);
    return out;
}

}  // namespace pinhole::storage
