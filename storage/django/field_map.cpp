#include "storage/django/field_map.hpp"

#include <toml++/toml.h>
#include <algorithm>
#include <cassert>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>

namespace pinhole::storage::django {

namespace {

/// What is wrong, and where.
struct map_fault : std::runtime_error {
    map_fault(const toml::node& at, const std::string& what)
        : std::runtime_error("line " + std::to_string(at.source().begin.line) + ": " + what) {}
};

constexpr std::string_view user_fields[] = {"username",  "password",   "is_staff",
                                            "is_active", "name",       "website",
                                            "bio",       "created_at", "updated_at"};
constexpr std::string_view profile_fields[] = {"user", "name",       "website",
                                               "bio",  "updated_at", "is_deleted"};
constexpr std::string_view post_fields[] = {"author",     "content",    "file",
                                            "created_at", "updated_at", "is_deleted"};
constexpr std::string_view file_fields[] = {"post",       "file",       "position",
                                            "created_at", "updated_at", "is_deleted"};
constexpr std::string_view comment_fields[] = {"post",       "author",     "content",
                                               "created_at", "updated_at", "is_deleted"};
constexpr std::string_view like_fields[] = {"post", "user", "created_at", "updated_at",
                                            "is_deleted"};

std::span<const std::string_view> fields_of(section which) {
    switch (which) {
        case section::user:
            return user_fields;
        case section::profile:
            return profile_fields;
        case section::post:
            return post_fields;
        case section::file:
            return file_fields;
        case section::comment:
            return comment_fields;
        case section::like:
            return like_fields;
    }
    return {};
}

/// Those that may lead to a user by a profile.
bool is_person(section which, std::string_view field) {
    return (which == section::post || which == section::comment)
               ? field == "author"
               : which == section::like && field == "user";
}

std::string text_of(const toml::node& node) {
    const auto text = node.value_exact<std::string>();
    if (!text) {
        throw map_fault{node, "must be a text"};
    }
    return *text;
}

/// A name, a list of them, or "" for none.
std::vector<std::string> names_of(const toml::node& node) {
    std::vector<std::string> names;
    if (const toml::array* list = node.as_array()) {
        for (const toml::node& each : *list) {
            names.push_back(text_of(each));
        }
        return names;
    }
    if (std::string name = text_of(node); !name.empty()) {
        names.push_back(std::move(name));
    }
    return names;
}

dump::json_member constant_of(const toml::node& node) {
    dump::json_member constant;
    if (const auto text = node.value_exact<std::string>()) {
        constant.kind = dump::json_kind::text;
        constant.text = *text;
    } else if (const auto flag = node.value_exact<bool>()) {
        constant.kind = dump::json_kind::boolean;
        constant.integer = *flag ? 1 : 0;
    } else if (const auto number = node.value_exact<std::int64_t>()) {
        constant.kind = dump::json_kind::integer;
        constant.integer = *number;
    } else {
        throw map_fault{node, "a value must be a text, a whole number, true or false"};
    }
    return constant;
}

field_source source_of(const toml::node& node, bool may_be_profile) {
    field_source source;
    const toml::table* table = node.as_table();
    if (table == nullptr) {
        source.fields = names_of(node);
        return source;
    }
    for (const auto& [key, value] : *table) {
        if (key == "field") {
            source.fields = names_of(value);
        } else if (key == "join") {
            source.fields = names_of(value);
            source.is_joined = true;
        } else if (key == "value") {
            source.constant = constant_of(value);
            source.has_constant = true;
        } else if (key == "to" && may_be_profile) {
            const std::string target = text_of(value);
            if (target != "user" && target != "profile") {
                throw map_fault{value, "to must be \"user\" or \"profile\""};
            }
            source.is_profile = target == "profile";
        } else {
            throw map_fault{value, "there is no " + std::string{key.str()} + " here"};
        }
    }
    if (!source.is_given()) {
        throw map_fault{node, "needs field, join or value"};
    }
    return source;
}

void read_model(const toml::table& table, section which, model_map& into) {
    const auto known = fields_of(which);
    for (const auto& [key, value] : table) {
        const std::string name{key.str()};
        if (name == "model") {
            into.model = text_of(value);
            std::ranges::transform(into.model, into.model.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
        } else if (name == "ignore") {
            const auto more = names_of(value);
            into.ignore.insert(into.ignore.end(), more.begin(), more.end());
        } else if (std::ranges::find(known, name) != known.end()) {
            into.sources.insert_or_assign(name, source_of(value, is_person(which, name)));
        } else {
            throw map_fault{value, "[" + std::string{name_of(which)} + "] has no " + name};
        }
    }
}

/// "+09:00", "-03:30".
std::optional<std::chrono::minutes> parse_offset(std::string_view text) {
    const auto digit = [&](std::size_t at) { return text[at] - '0'; };
    if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') {
        return std::nullopt;
    }
    for (const std::size_t at : {1U, 2U, 4U, 5U}) {
        if (digit(at) < 0 || digit(at) > 9) {
            return std::nullopt;
        }
    }
    const int hours = digit(1) * 10 + digit(2);
    const int minutes = digit(4) * 10 + digit(5);
    if (hours > 23 || minutes > 59) {
        return std::nullopt;
    }
    const std::chrono::minutes offset{hours * 60 + minutes};
    return text[0] == '-' ? -offset : offset;
}

void read_format(const toml::table& table, field_map& into) {
    for (const auto& [key, value] : table) {
        const auto offset = key == "utc_offset" ? parse_offset(text_of(value)) : std::nullopt;
        if (!offset) {
            throw map_fault{value, "[format] has only utc_offset, such as \"+09:00\""};
        }
        into.utc_offset = *offset;
    }
}

void read_section(const toml::node& node, std::string_view name, field_map& into) {
    const toml::table* table = node.as_table();
    if (table == nullptr) {
        throw map_fault{node,
                        std::string{name} + " must be a section: [" + std::string{name} + "]"};
    }
    if (name == "format") {
        read_format(*table, into);
        return;
    }
    const auto found = std::ranges::find(all_sections, name, &name_of);
    if (found == all_sections.end()) {
        throw map_fault{node, "there is no section [" + std::string{name} + "]"};
    }
    read_model(*table, *found, into.models[static_cast<std::size_t>(*found)]);
}

void read_map(std::string_view text, field_map& into) {
    const toml::table parsed = toml::parse(text);
    for (const auto& [key, value] : parsed) {
        read_section(value, key.str(), into);
    }
}

/// Models that are two sections', and what no row can be without.
std::string find_problem(const field_map& map) {
    for (const section which : all_sections) {
        const model_map& model = map.of(which);
        if (model.model.empty()) {
            continue;
        }
        for (const section other : all_sections) {
            if (other != which && map.of(other).model == model.model) {
                return "two sections have the model " + model.model;
            }
        }
        for (const std::string_view required : {"username", "author", "post", "user"}) {
            const auto found = model.sources.find(required);
            if (found != model.sources.end() && !found->second.is_given()) {
                return "[" + std::string{name_of(which)} + "] needs " + std::string{required};
            }
        }
    }
    return map.of(section::user).model.empty() ? "[user] needs a model" : "";
}

}  // namespace

std::string_view name_of(section which) {
    constexpr std::array<std::string_view, all_sections.size()> names{"user", "profile", "post",
                                                                      "file", "comment", "like"};
    return names[static_cast<std::size_t>(which)];
}

field_map default_map() {
    field_map map;
    read_map(default_map_text(), map);
    return map;
}

result<field_map> parse_map(std::string_view toml) {
    field_map map = default_map();
    try {
        read_map(toml, map);
    } catch (const map_fault& fault) {
        return fail(error_code::invalid, fault.what());
    } catch (const toml::parse_error& fault) {
        return fail(error_code::invalid, "line " + std::to_string(fault.source().begin.line) +
                                             ": " + std::string{fault.description()});
    }
    if (std::string problem = find_problem(map); !problem.empty()) {
        return fail(error_code::invalid, std::move(problem));
    }
    return map;
}

}  // namespace pinhole::storage::django
