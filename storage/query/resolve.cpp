#include "storage/query/resolve.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <utility>

namespace pinhole::storage::query {

namespace {

constexpr std::string_view separator = "__";

/// Takes the next name off a path.
std::string_view take_name(std::string_view& rest) {
    const std::size_t end = rest.find(separator);
    const std::string_view name = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + separator.size());
    return name;
}

std::string quoted(std::string_view name) {
    return "\"" + std::string{name} + "\"";
}

std::string joined(std::span<const std::string_view> names) {
    std::string all;
    for (const std::string_view name : names) {
        all += all.empty() ? "" : ", ";
        all += name;
    }
    return all;
}

std::vector<std::string_view> names_of(const entity_entry& at) {
    std::vector<std::string_view> names;
    std::ranges::transform(at.fields, std::back_inserter(names), &field_entry::name);
    std::ranges::transform(at.relations, std::back_inserter(names), &relation_entry::name);
    return names;
}

std::string no_such_name(const entity_entry& at, std::string_view name,
                         std::span<const std::string_view> others = {}) {
    auto known = names_of(at);
    const std::string fields = joined(known);
    known.insert(known.end(), others.begin(), others.end());
    return quoted(name) + " is no field of " + std::string{at.name} + suggest(name, known) +
           " (there are: " + fields + (others.empty() ? "" : "; and ") + joined(others) + ")";
}

/// Walks relations as far as the path names them; the rest of the path stays.
parsed<entity> take_relations(entity root, std::string_view& rest, field_path& path) {
    entity at = root;
    while (!rest.empty()) {
        std::string_view beyond = rest;
        const auto* relation = describe(at).find_relation(take_name(beyond));
        if (relation == nullptr) {
            return at;
        }
        if (path.relations.size() == relations_max) {
            return std::unexpected{"a path may follow " + std::to_string(relations_max) +
                                   " relations"};
        }
        path.relations.push_back(relation);
        at = relation->target;
        rest = beyond;
    }
    return at;
}

const field_entry* find_field(const entity_entry& at, std::string_view name) {
    return name == "pk" ? &at.id_field() : at.find_field(name);
}

/// Reads `part`, `lookup` or `part__lookup` behind a field.
parsed<void> take_lookup(std::string_view& rest, resolved_name& found) {
    std::string_view name = take_name(rest);
    if (found.kind == field_kind::time) {
        found.part = find_date_part(name);
        if (found.part) {
            if (rest.empty()) {
                return {};
            }
            name = take_name(rest);
        }
    }
    const auto which = find_lookup(name);
    // A part of a time is a number.
    const field_kind kind = found.part ? field_kind::integer : found.kind;
    if (!which || !allows(kind, *which) || !rest.empty()) {
        const auto allowed = allowed_lookups(kind);
        return std::unexpected{quoted(name) + " cannot be asked here" + suggest(name, allowed) +
                               " (there are: " + joined(allowed) + ")"};
    }
    found.which = *which;
    return {};
}

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
    Number number{};
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    return ec == std::errc{} && end == text.data() + text.size() ? std::optional{number}
                                                                 : std::nullopt;
}

std::optional<bool> parse_boolean(std::string_view text) {
    return text == "true"    ? std::optional{true}
           : text == "false" ? std::optional{false}
                             : std::nullopt;
}

template <class Parsed>
parsed<value> or_say(const std::optional<Parsed>& found, const char* what) {
    return found ? parsed<value>{value{*found}} : std::unexpected{std::string{what}};
}

std::size_t distance(std::string_view from, std::string_view to) {
    std::vector<std::size_t> row(to.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 0; i < from.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < to.size(); ++j) {
            const std::size_t replaced = diagonal + (from[i] == to[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

}  // namespace

// Levenshtein's distance; a third of the letters may differ, as in git's suggestions.
std::string suggest(std::string_view wanted, std::span<const std::string_view> known) {
    constexpr std::size_t wanted_bytes_max = 64;
    if (wanted.size() > wanted_bytes_max || known.empty()) {
        return {};
    }
    const auto nearest = std::ranges::min_element(
        known, {}, [wanted](std::string_view name) { return distance(wanted, name); });
    return distance(wanted, *nearest) <= std::max<std::size_t>(1, nearest->size() / 3)
               ? "; did you mean " + quoted(*nearest) + "?"
               : "";
}

parsed<resolved_name> resolve(entity root, std::string_view name,
                              std::span<const std::string_view> others) {
    resolved_name found;
    std::string_view rest = name;
    const auto end = take_relations(root, rest, found.path);
    if (!end) {
        return std::unexpected{end.error()};
    }
    const entity_entry& at = describe(*end);
    if (name.ends_with(separator)) {
        return std::unexpected{no_such_name(at, {})};
    }
    found.path.field = &at.id_field();
    if (!rest.empty() || found.path.relations.empty()) {
        std::string_view beyond = rest;
        const std::string_view next = take_name(beyond);
        if (const auto* field = find_field(at, next)) {
            found.path.field = field;
            rest = beyond;
        } else if (found.path.relations.empty() || !find_lookup(next)) {
            return std::unexpected{no_such_name(
                at, next,
                found.path.relations.empty() && rest == next ? others : decltype(others){})};
        }
    }
    found.kind = found.path.field->kind;
    found.is_user = found.kind == field_kind::id && at.self == entity::user;
    if (!rest.empty()) {
        if (const auto taken = take_lookup(rest, found); !taken) {
            return std::unexpected{taken.error()};
        }
    }
    return found;
}

parsed<field_path> resolve_order(entity root, std::string_view name) {
    field_path path;
    std::string_view rest = name;
    const auto end = take_relations(root, rest, path);
    if (!end) {
        return std::unexpected{end.error()};
    }
    const bool is_to_many = std::ranges::any_of(path.relations, &relation_entry::is_backward);
    if (is_to_many) {
        return std::unexpected{quoted(name) + " leads to many rows; a list has one place for each"};
    }
    const entity_entry& at = describe(*end);
    path.field = rest.empty() && !path.relations.empty() ? &at.id_field() : find_field(at, rest);
    if (path.field == nullptr) {
        return std::unexpected{no_such_name(at, rest)};
    }
    return path;
}

parsed<value> parse_operand(const resolved_name& name, std::string_view text, entity_id me) {
    switch (operand_kind_of(name.kind, name.part)) {
        case operand_kind::id:
            if (name.is_user && text == "me") {
                return me != 0 ? parsed<value>{value{me}}
                               : std::unexpected{"`me` is who asks, and nobody does"};
            }
            return or_say(parse_id(text), name.is_user ? "must be an id or `me`" : "must be an id");
        case operand_kind::integer:
            return or_say(parse_number<std::int64_t>(text), "must be a whole number");
        case operand_kind::boolean:
            return or_say(parse_boolean(text), "must be true or false");
        case operand_kind::time:
            return or_say(parse_time(text),
                          "must be a time as in RFC 3339, 2025-01-31T08:00:00Z (a `+` is %2B in a "
                          "URL)");
        case operand_kind::date:
            return or_say(parse_date(text), "must be a date, 2025-01-31");
        case operand_kind::text:
            return value{std::string{text}};
    }
    std::unreachable();
}

parsed<void> check_count(lookup which, std::size_t count) {
    if (which == lookup::range && count != 2) {
        return std::unexpected{"must be two values, the least and the greatest"};
    }
    if (which == lookup::in && count > operands_max) {
        return std::unexpected{"may have " + std::to_string(operands_max) + " values"};
    }
    return {};
}

parsed<test> make_test(const parse_context& context, resolved_name name,
                       std::vector<value> operands, std::string text) {
    if ((name.which == lookup::regex || name.which == lookup::iregex) &&
        context.patterns != nullptr && ++*context.patterns > patterns_max) {
        return std::unexpected{"a query may have " + std::to_string(patterns_max) +
                               " regular expressions"};
    }
    test made{.path = std::move(name.path),
              .predicate = {},
              .wants_null = false,
              .text = std::move(text)};
    if (name.which == lookup::isnull) {
        made.wants_null = std::get<bool>(operands.front());
        return made;
    }
    auto predicate = predicate::make(name.part, name.which, std::move(operands));
    if (!predicate) {
        return std::unexpected{std::move(predicate.error())};
    }
    made.predicate = std::move(*predicate);
    return made;
}

}  // namespace pinhole::storage::query
