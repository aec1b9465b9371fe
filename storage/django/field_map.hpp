// The map: which Django model is which of Pinhole's entities, and which field is which. TOML, as
// docs/django.md explains it; what a map does not say, the built-in one says.
//
// It knows names and no row. Pure; thread-safe.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/error.hpp"
#include "storage/dump/json_line.hpp"

namespace pinhole::storage::django {

/// Where a field's value comes from. Without anything: it has its default.
struct field_source {
    std::vector<std::string> fields;  ///< the first that says something; "pk" is the primary key
    bool is_joined = false;           ///< all of them, with spaces between
    bool has_constant = false;
    dump::json_member constant;  ///< if none of the fields says something
    bool is_profile = false;     ///< a reference: to a profile, and not to a user

    bool is_given() const { return !fields.empty() || has_constant; }
};

struct model_map {
    std::string model;                ///< "api.post", in lower case; empty: there is none
    std::vector<std::string> ignore;  ///< fields that are passed over
    std::map<std::string, field_source, std::less<>> sources;  ///< by Pinhole's name of the field

    /// Requires: `name` is one that the section has.
    const field_source& source(std::string_view name) const { return sources.find(name)->second; }
};

enum class section : std::uint8_t { user, profile, post, file, comment, like };
inline constexpr std::array all_sections{section::user, section::profile, section::post,
                                         section::file, section::comment, section::like};
std::string_view name_of(section which);

struct field_map {
    std::array<model_map, all_sections.size()> models;
    std::chrono::minutes utc_offset{0};  ///< of times that do not say their own

    const model_map& of(section which) const { return models[static_cast<std::size_t>(which)]; }
};

/// The built-in map, with comments, as --print-map prints it.
std::string_view default_map_text();
field_map default_map();

/// Errors: invalid, with the line and what is wrong there.
result<field_map> parse_map(std::string_view toml);

}  // namespace pinhole::storage::django
