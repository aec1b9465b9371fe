#include "tools/admin/query_text.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "storage/base/text.hpp"
#include "tools/admin/exit_code.hpp"

namespace pinhole::admin {

namespace {

std::string decode(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '+') {
            decoded += ' ';
        } else if (text[at] != '%') {
            decoded += text[at];
        } else {
            const std::string_view digits = text.substr(at + 1, 2);
            unsigned byte = 0;
            const auto [end, error] =
                std::from_chars(digits.data(), digits.data() + digits.size(), byte, 16);
            if (digits.size() != 2 || error != std::errc{} || end != digits.end()) {
                throw usage_error{
                    "a % in the query needs two hexadecimal digits behind it: %25 is "
                    "the sign itself"};
            }
            decoded += static_cast<char>(byte);
            at += 2;
        }
    }
    if (!storage::count_code_points(decoded)) {
        throw usage_error{"the query is not UTF-8"};
    }
    return decoded;
}

storage::query::entity parse_entity(std::string_view name) {
    const auto all = storage::query::all_entities();
    const auto found = std::ranges::find(all, name, &storage::query::entity_entry::name);
    if (found == all.end()) {
        std::string known;
        for (const auto& each : all) {
            known += (known.empty() ? "" : ", ") + std::string{each.name};
        }
        throw usage_error{"there is no list \"" + std::string{name} + "\"; there are " + known};
    }
    return found->self;
}

}  // namespace

query_text parse_query_text(std::string_view text) {
    if (text.starts_with('/')) {
        text.remove_prefix(1);
    }
    const auto mark = text.find('?');
    query_text parsed{.root = parse_entity(text.substr(0, mark)), .parameters = {}};
    std::string_view rest = mark == std::string_view::npos ? "" : text.substr(mark + 1);
    while (!rest.empty()) {
        const std::string_view part = rest.substr(0, rest.find('&'));
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
        if (part.empty()) {
            continue;
        }
        const auto equals = part.find('=');
        parsed.parameters.emplace_back(
            decode(part.substr(0, equals)),
            equals == std::string_view::npos ? "" : decode(part.substr(equals + 1)));
    }
    return parsed;
}

}  // namespace pinhole::admin
