#include "storage/query/parse.hpp"

#include <utility>

#include "storage/query/csv.hpp"
#include "storage/query/resolve.hpp"

namespace pinhole::storage::query {

namespace {

/// Parameters are quoted in answers; what is longer says nothing more.
constexpr std::size_t name_bytes_max = 200;

std::unexpected<error> refuse(std::string_view parameter, const char* code, std::string message) {
    const std::string name{parameter.substr(0, name_bytes_max)};
    std::string whole = name + ": " + message;
    return fail(error_code::malformed, std::move(whole), {{name, code, std::move(message)}});
}

bool takes_a_list(lookup which) {
    return which == lookup::in || which == lookup::range;
}

parsed<std::vector<value>> parse_operands(const resolved_name& name, std::string_view text,
                                          entity_id me) {
    if (name.which == lookup::isnull) {
        if (text != "true" && text != "false") {
            return std::unexpected{"must be true or false"};
        }
        return std::vector<value>{value{text == "true"}};
    }
    std::vector<std::string> texts{std::string{text}};
    if (takes_a_list(name.which)) {
        auto fields = parse_csv_line(text);
        if (!fields) {
            return std::unexpected{
                "has a quote out of place: values with commas or quotes stand in "
                "double quotes, a quote among them is doubled"};
        }
        texts = std::move(*fields);
    }
    if (const auto fits = check_count(name.which, texts.size()); !fits) {
        return std::unexpected{fits.error()};
    }
    std::vector<value> operands;
    operands.reserve(texts.size());
    for (const std::string& each : texts) {
        auto operand = parse_operand(name, each, me);
        if (!operand) {
            return std::unexpected{std::move(operand.error())};
        }
        operands.push_back(std::move(*operand));
    }
    return operands;
}

condition negated(condition inner) {
    condition outer{.what = condition::kind::negation};
    outer.parts.push_back(std::move(inner));
    return outer;
}

/// Of a value that is not what the name asks for.
const char* code_of(const resolved_name& name) {
    if (name.which == lookup::isnull) {
        return "invalid_boolean";
    }
    switch (operand_kind_of(name.kind, name.part)) {
        case operand_kind::id:
            return "invalid_id";
        case operand_kind::integer:
            return "invalid_integer";
        case operand_kind::boolean:
            return "invalid_boolean";
        case operand_kind::time:
            return "invalid_time";
        case operand_kind::date:
            return "invalid_date";
        case operand_kind::text:
            break;
    }
    return "invalid_value";
}

bool is_id(const order_key& key) {
    return key.path.relations.empty() && key.path.field->kind == field_kind::id;
}

}  // namespace

result<condition> parse_parameter(const parse_context& context, std::string_view name,
                                  std::string_view value) {
    const bool is_negated = name.ends_with('!');
    const std::string_view path = is_negated ? name.substr(0, name.size() - 1) : name;
    auto resolved = resolve(context.root, path, list_controls);
    if (!resolved) {
        return refuse(name, "unknown_parameter", std::move(resolved.error()));
    }
    auto operands = parse_operands(*resolved, value, context.me);
    if (!operands) {
        return refuse(name, code_of(*resolved), std::move(operands.error()));
    }
    auto made = make_test(context, std::move(*resolved), std::move(*operands),
                          std::string{name} + '=' + std::string{value});
    if (!made) {
        return refuse(name, "invalid_value", std::move(made.error()));
    }
    condition leaf{.what = condition::kind::test,
                   .parts = {},
                   .leaf = std::make_shared<const test>(std::move(*made))};
    return is_negated ? negated(std::move(leaf)) : std::move(leaf);
}

result<std::vector<order_key>> parse_ordering(const parse_context& context, std::string_view text) {
    std::vector<order_key> keys;
    std::size_t names = 0;
    for (std::string_view rest = text;;) {
        const std::size_t comma = rest.find(',');
        std::string_view name = rest.substr(0, comma);
        const bool descending = name.starts_with('-');
        name.remove_prefix(descending ? 1 : 0);
        auto path = resolve_order(context.root, name);
        if (!path) {
            return refuse("ordering", "unknown_order", std::move(path.error()));
        }
        if (++names == order_keys_max + 1) {
            return refuse("ordering", "too_many",
                          "may have " + std::to_string(order_keys_max) + " fields");
        }
        // What comes behind an id decides nothing.
        if (keys.empty() || !is_id(keys.back())) {
            keys.push_back({std::move(*path), descending});
        }
        if (comma == std::string_view::npos) {
            break;
        }
        rest.remove_prefix(comma + 1);
    }
    if (is_id(keys.back())) {
        return keys;
    }
    const bool descending = keys.back().descending;
    keys.push_back({{{}, &describe(context.root).id_field()}, descending});
    return keys;
}

}  // namespace pinhole::storage::query
