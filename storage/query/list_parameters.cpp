#include "storage/query/list_parameters.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>

#include "storage/query/parse.hpp"

namespace pinhole::storage::query {

namespace {

constexpr std::string_view default_ordering = "-created_at";

/// Of these there is one at most; of a filter there may be several.
bool is_control(std::string_view name) {
    return std::ranges::find(list_controls, name) != list_controls.end();
}

/// `author__exact` is `author`.
bool is_named(std::string_view name, std::string_view field) {
    constexpr std::string_view exact = "__exact";
    if (name.ends_with(exact)) {
        name.remove_suffix(exact.size());
    }
    return name == field;
}

bool is_newest_first(std::span<const order_key> order) {
    const auto is = [&](std::size_t at, std::string_view field) {
        return order[at].descending && order[at].path.relations.empty() &&
               order[at].path.field->name == field;
    };
    return order.size() == 2 && is(0, "created_at") && is(1, "id");
}

class parameter_reader {
public:
    parameter_reader(const list_context& context, std::span<const parameter> given)
        : context_(context), given_(given) {}

    result<list_parameters> read();

private:
    parse_context names() { return {context_.root, context_.me, &patterns_}; }
    void refuse(std::string_view name, std::string code, std::string message);
    void take(const std::string& name, const std::string& value);
    bool take_control(const std::string& name, const std::string& value);
    void take_deleted();
    void take_page_size(const std::string& value);
    bool take_flag(std::string_view name, const std::string& value);
    bool asks_for_deleted() const;
    /// What there is of a result; what it refuses is remembered.
    template <class Value>
    std::optional<Value> keep(result<Value> parsed);

    const list_context& context_;
    std::span<const parameter> given_;
    list_parameters read_;
    std::size_t patterns_ = 0;
    std::vector<field_fault> faults_;
};

void parameter_reader::refuse(std::string_view name, std::string code, std::string message) {
    faults_.push_back({std::string{name}, std::move(code), std::move(message)});
}

template <class Value>
std::optional<Value> parameter_reader::keep(result<Value> parsed) {
    if (parsed) {
        return std::move(*parsed);
    }
    std::ranges::move(parsed.error().fields, std::back_inserter(faults_));
    return std::nullopt;
}

result<list_parameters> parameter_reader::read() {
    list_request& request = read_.request;
    request.root = context_.root;
    request.me = context_.me;
    request.page.rows_read_max = context_.rows_read_max;
    request.page.processor_time_max = context_.processor_time_max;
    if (given_.size() > list_parameters_max) {
        refuse("query", "too_many",
               "may have " + std::to_string(list_parameters_max) + " parameters");
        return std::unexpected{bad_query(std::move(faults_))};
    }
    for (const auto& [name, value] : given_) {
        const auto same = std::ranges::count_if(
            given_, [&](const auto& other) { return is_control(name) && other.first == name; });
        const bool is_said = std::ranges::any_of(
            faults_, [&](const auto& fault) { return is_control(name) && fault.field == name; });
        if (same > 1) {
            if (!is_said) {
                refuse(name, "repeated", "is given more than once");
            }
            continue;
        }
        take(name, value);
    }
    if (request.order.empty() && faults_.empty()) {
        request.order = parse_ordering(names(), default_ordering).value();
    }
    take_deleted();
    if (!faults_.empty()) {
        return std::unexpected{bad_query(std::move(faults_))};
    }
    return std::move(read_);
}

void parameter_reader::take(const std::string& name, const std::string& value) {
    if (take_control(name, value)) {
        return;
    }
    if (context_.root == entity::post && is_named(name, "is_deleted") && value == "true" &&
        !asks_for_deleted()) {
        read_.request.deleted_since = context_.at - context_.restore_retention;
        return;
    }
    if (auto parsed = keep(parse_parameter(names(), name, value))) {
        read_.request.filter.parts.push_back(std::move(*parsed));
    }
}

bool parameter_reader::take_control(const std::string& name, const std::string& value) {
    if (name == "cursor") {
        read_.cursor = value;
    } else if (name == "page_size") {
        take_page_size(value);
    } else if (name == "count") {
        read_.request.wants_count = take_flag(name, value);
    } else if (name == "explain") {
        read_.explains = take_flag(name, value);
    } else if (name == "include_deleted") {
        read_.request.sees = take_flag(name, value) ? sight::with_deleted : sight::alive;
    } else if (name == "filter") {
        if (auto parsed = keep(parse_expression(names(), value))) {
            read_.request.filter.parts.push_back(std::move(*parsed));
        }
    } else if (name == "ordering") {
        if (auto parsed = keep(parse_ordering(names(), value))) {
            read_.request.order = std::move(*parsed);
        }
    } else {
        return false;
    }
    return true;
}

bool parameter_reader::asks_for_deleted() const {
    const std::string* value = find_parameter(given_, "include_deleted");
    return value != nullptr && *value == "true";
}

/// Deleted rows are their author's alone, to restore.
void parameter_reader::take_deleted() {
    if (!read_.request.deleted_since || !faults_.empty()) {
        return;
    }
    const bool is_mine = std::ranges::any_of(given_, [this](const parameter& each) {
        return is_named(each.first, "author") &&
               (each.second == "me" || each.second == std::to_string(context_.me));
    });
    if (!is_mine) {
        refuse("is_deleted", "not_yours", "true is for your own posts alone: add author=me");
    }
    if (!is_newest_first(read_.request.order)) {
        refuse("ordering", "not_here", "deleted posts come newest first");
    }
}

void parameter_reader::take_page_size(const std::string& value) {
    std::uint32_t& size = read_.request.page.size;
    const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), size);
    if (ec != std::errc{} || end != value.data() + value.size() || size < 1 ||
        size > page_size_max) {
        refuse("page_size", "invalid_page_size", "must be a number from 1 to 100");
    }
}

bool parameter_reader::take_flag(std::string_view name, const std::string& value) {
    if (value != "true" && value != "false") {
        refuse(name, "invalid_boolean", "must be true or false");
    }
    return value == "true";
}

}  // namespace

result<list_parameters> read_list_parameters(const list_context& context,
                                             std::span<const parameter> given) {
    return parameter_reader{context, given}.read();
}

const std::string* find_parameter(std::span<const parameter> given, std::string_view name) {
    const auto found = std::ranges::find(given, name, &parameter::first);
    return found == given.end() ? nullptr : &found->second;
}

error bad_query(std::vector<field_fault> faults) {
    std::string message = "The query has a bad parameter: " + faults.front().field;
    return {error_code::malformed, std::move(message), std::move(faults)};
}

}  // namespace pinhole::storage::query
