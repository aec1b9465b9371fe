#include "storage/django/object_values.hpp"

#include <algorithm>

#include "storage/query/time_text.hpp"

namespace pinhole::storage::django {

namespace {

using dump::json_kind;
using dump::json_member;

bool says_something(const json_member& value) {
    return value.kind != json_kind::null && (value.kind != json_kind::text || !value.text.empty());
}

/// A time that does not say its offset has the map's.
std::optional<timestamp> parse_django_time(std::string_view text, std::chrono::minutes offset) {
    constexpr std::size_t date_bytes = 10;
    const std::string_view clock = text.substr(std::min(text.size(), date_bytes));
    if (clock.empty()) {
        const auto midnight = query::parse_time(text);
        return midnight ? std::optional{*midnight - offset} : std::nullopt;
    }
    if (clock.find_first_of("zZ+-") != std::string_view::npos) {
        return query::parse_time(text);
    }
    const auto local = query::parse_time(std::string{text} + 'Z');
    return local ? std::optional{*local - offset} : std::nullopt;
}

}  // namespace

std::string front_of(std::string_view model, std::string_view pk) {
    std::string front{model};
    front += ' ';
    front += pk;
    return front += ": ";
}

bool object_values::begin(fixture_object& object, section which) {
    object_ = &object;
    model_ = &map_.of(which);
    pk_.kind = json_kind::text;
    pk_.text = object.pk;
    if (object.problem.empty() && object.pk.empty()) {
        object.problem = "has no pk: dumpdata must run without --natural-primary";
    }
    if (!object.problem.empty()) {
        report(object.problem);
        return false;
    }
    return true;
}

void object_values::report(std::string_view problem) {
    faults_.add(file_, object_->line, front_of(object_->model, object_->pk) + std::string{problem});
}

std::string object_values::field_names(std::string_view name) const {
    std::string names;
    for (const std::string& field : model_->source(name).fields) {
        names += names.empty() ? "" : ", ";
        names += field;
    }
    return names.empty() ? std::string{name} : names;
}

void object_values::report_type(std::string_view name, const json_member& value,
                                std::string_view expected) {
    std::string problem = value.name.empty() ? std::string{name} : value.name;
    problem += " must be ";
    report(problem += expected);
}

const json_member* object_values::find_field(std::string_view field) {
    if (field == "pk") {
        return &pk_;
    }
    json_member* found = object_->find(field);
    if (found != nullptr) {
        found->is_known = true;
    }
    return found;
}

/// The first of the source's fields that says something; all of them are known by that.
const json_member* object_values::find(std::string_view name) {
    const field_source& source = model_->source(name);
    const json_member* first = nullptr;
    for (const std::string& field : source.fields) {
        const json_member* found = find_field(field);
        if (first == nullptr && found != nullptr && says_something(*found)) {
            first = found;
        }
    }
    return first == nullptr && source.has_constant ? &source.constant : first;
}

std::string object_values::joined(const field_source& source) {
    std::string all;
    for (const std::string& field : source.fields) {
        const json_member* found = find_field(field);
        if (found == nullptr || !says_something(*found)) {
            continue;
        }
        if (found->kind != json_kind::text) {
            report_type(field, *found, "text");
            continue;
        }
        all += all.empty() ? "" : " ";
        all += found->text;
    }
    return all;
}

std::string object_values::text(std::string_view name) {
    const field_source& source = model_->source(name);
    if (source.is_joined) {
        if (std::string all = joined(source); !all.empty() || !source.has_constant) {
            return all;
        }
    }
    const json_member* value = find(name);
    if (value == nullptr) {
        return {};
    }
    if (value->kind != json_kind::text) {
        report_type(name, *value, "text");
        return {};
    }
    return value->text;
}

std::string object_values::required_text(std::string_view name) {
    if (find(name) == nullptr) {
        report("has no " + std::string{name} + " (" + field_names(name) + ")");
        return {};
    }
    return text(name);
}

bool object_values::flag(std::string_view name, bool otherwise) {
    const field_source& source = model_->source(name);
    bool is_told = false;
    bool is_true = false;
    for (const std::string& field : source.fields) {
        const json_member* value = find_field(field);
        if (value == nullptr) {
            continue;
        }
        is_told = true;
        const bool is_number =
            value->kind == json_kind::boolean || value->kind == json_kind::integer;
        if (is_number) {
            is_true = is_true || value->integer != 0;
        } else if (says_something(*value)) {
            const bool is_time =
                value->kind == json_kind::text && parse_django_time(value->text, map_.utc_offset);
            is_true = is_true || is_time;
            if (!is_time) {
                report_type(name, *value, "true or false, or a time");
            }
        }
    }
    if (is_told) {
        return is_true;
    }
    return source.has_constant ? source.constant.integer != 0 : otherwise;
}

std::int64_t object_values::integer(std::string_view name, std::int64_t otherwise) {
    const json_member* value = find(name);
    if (value == nullptr) {
        return otherwise;
    }
    if (value->kind != json_kind::integer) {
        report_type(name, *value, "a whole number");
        return otherwise;
    }
    return value->integer;
}

timestamp object_values::time(std::string_view name, timestamp otherwise) {
    const json_member* value = find(name);
    if (value == nullptr) {
        return otherwise;
    }
    const auto parsed = value->kind == json_kind::text
                            ? parse_django_time(value->text, map_.utc_offset)
                            : std::nullopt;
    if (!parsed) {
        report_type(name, *value, "a time such as 2026-11-22T08:05:00.123Z");
        return otherwise;
    }
    if (*parsed >= timestamp{std::chrono::milliseconds{id_clock_end_ms}}) {
        report_type(name, *value, "a time before 2090");
        return otherwise;
    }
    return *parsed;
}

std::string object_values::reference(std::string_view name) {
    const json_member* value = find(name);
    if (value == nullptr) {
        report("has no " + std::string{name} + " (" + field_names(name) + ")");
        return {};
    }
    if (value->kind == json_kind::integer) {
        return std::to_string(value->integer);
    }
    if (value->kind == json_kind::text) {
        return value->text;
    }
    report_type(name, *value,
                "a primary key; if it is a list, dumpdata must run without --natural-foreign");
    return {};
}

void object_values::finish() {
    if (ignore_unknown_) {
        return;
    }
    for (const json_member& field : object_->fields()) {
        if (field.is_known ||
            std::ranges::find(model_->ignore, field.name) != model_->ignore.end() ||
            !told_unknown_.insert(object_->model + '.' + field.name).second) {
            continue;
        }
        report("the field " + field.name +
               " is not in the map. Name it there, in `ignore` if it "
               "is not to be taken, or give --ignore-unknown");
    }
}

}  // namespace pinhole::storage::django
