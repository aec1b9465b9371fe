#include "server/request.hpp"

#include <algorithm>
#include <cassert>

#include "server/text.hpp"

namespace pinhole::http {

const header_view* request::find_header(std::string_view lower_case_name) const {
    assert(std::ranges::none_of(lower_case_name, [](char c) { return c >= 'A' && c <= 'Z'; }));
    for (const auto& field : headers) {
        if (field.name.size() == lower_case_name.size() &&
            equals_ignoring_case(field.name, lower_case_name)) {
            return &field;
        }
    }
    return nullptr;
}

std::string_view request::header(std::string_view lower_case_name) const {
    const header_view* field = find_header(lower_case_name);
    return field != nullptr ? field->value : std::string_view{};
}

bool request::has_header(std::string_view lower_case_name) const {
    return find_header(lower_case_name) != nullptr;
}

std::string_view request::parameter(std::string_view name) const {
    for (const auto& [key, value] : parameters) {
        if (key == name) {
            return value;
        }
    }
    return {};
}

const std::string* request::query_value(std::string_view name) const {
    for (const auto& [key, value] : query) {
        if (key == name) {
            return &value;
        }
    }
    return nullptr;
}

}  // namespace pinhole::http
