#include "storage/query/csv.hpp"

namespace pinhole::storage::query {

namespace {

/// Takes one field off, up to a comma or the end. Nothing if it is not well-formed.
std::optional<std::string> take_field(std::string_view& rest) {
    if (!rest.starts_with('"')) {
        const std::string_view field = rest.substr(0, rest.find(','));
        rest.remove_prefix(field.size());
        return field.contains('"') ? std::nullopt : std::optional{std::string{field}};
    }
    std::string field;
    for (rest.remove_prefix(1); !rest.empty();) {
        const char c = rest.front();
        rest.remove_prefix(1);
        if (c != '"') {
            field += c;
        } else if (rest.starts_with('"')) {
            field += '"';
            rest.remove_prefix(1);
        } else {
            return rest.empty() || rest.front() == ',' ? std::optional{std::move(field)}
                                                       : std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace

std::optional<std::vector<std::string>> parse_csv_line(std::string_view text) {
    std::vector<std::string> fields;
    if (text.empty()) {
        return fields;
    }
    for (;;) {
        auto field = take_field(text);
        if (!field) {
            return std::nullopt;
        }
        fields.push_back(std::move(*field));
        if (text.empty()) {
            return fields;
        }
        text.remove_prefix(1);
    }
}

}  // namespace pinhole::storage::query
