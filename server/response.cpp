#include "server/response.hpp"

#include <algorithm>
#include <cassert>

#include "server/text.hpp"

namespace pinhole::http {

response response::json(status code, std::string body) {
    response answer;
    answer.code = code;
    answer.headers.reserve(4);
    answer.headers.push_back({"Content-Type", "application/json"});
    answer.headers.push_back({"Cache-Control", "no-store"});
    answer.body = std::move(body);
    return answer;
}

response response::no_content() {
    response answer;
    answer.code = status::no_content;
    return answer;
}

response response::not_modified() {
    response answer;
    answer.code = status::not_modified;
    return answer;
}

response& response::set(std::string_view name, std::string value) {
    const auto found = std::ranges::find_if(headers, [name](const header_field& field) {
        return equals_ignoring_case(field.name, name);
    });
    if (found == headers.end()) {
        return add(name, std::move(value));
    }
    assert(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    found->value = std::move(value);
    return *this;
}

response& response::add(std::string_view name, std::string value) {
    assert(is_token(name));
    assert(value.find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
    headers.push_back({std::string(name), std::move(value)});
    return *this;
}

std::string_view response::header(std::string_view name) const {
    const auto found = std::ranges::find_if(headers, [name](const header_field& field) {
        return equals_ignoring_case(field.name, name);
    });
    return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

std::uint64_t response::body_bytes() const {
    if (const auto* text = std::get_if<std::string>(&body)) {
        return text->size();
    }
    if (const auto* file = std::get_if<file_slice>(&body)) {
        return file->length;
    }
    return 0;
}

}  // namespace pinhole::http
