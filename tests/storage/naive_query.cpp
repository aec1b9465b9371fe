#include "tests/storage/naive_query.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "storage/base/time.hpp"

namespace pinhole::storage::test {

namespace {

using nlohmann::json;

constexpr std::array<std::pair<const char*, const char*>, 10> letters{{{"о", "О"},
                                                                       {"с", "С"},
                                                                       {"к", "К"},
                                                                       {"в", "В"},
                                                                       {"а", "А"},
                                                                       {"м", "М"},
                                                                       {"δ", "Δ"},
                                                                       {"ή", "Ή"},
                                                                       {"ω", "Ω"},
                                                                       {"é", "É"}}};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
        text.replace(at, from.size(), to);
    }
}

json to_literal(const naive_test& test, std::size_t index) {
    if (test.is_text) {
        return test.texts[index];
    }
    if (test.part == "date") {
        return to_rfc3339(from_microseconds(test.numbers[index] * 86'400'000'000)).substr(0, 10);
    }
    if (test.is_time && test.part.empty()) {
        return to_rfc3339(from_microseconds(test.numbers[index]));
    }
    return test.numbers[index];
}

json to_literals(const naive_test& test) {
    if (test.lookup == "isnull") {
        return test.wants_null;
    }
    if (test.lookup != "in" && test.lookup != "range") {
        return to_literal(test, 0);
    }
    json all = json::array();
    const std::size_t count = test.is_text ? test.texts.size() : test.numbers.size();
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(to_literal(test, i));
    }
    return all;
}

/// How tightly it binds.
int rank_of(const naive_condition& of) {
    return of.what == '|' ? 0 : of.what == '&' ? 1 : 2;
}

std::string to_expression(const naive_condition& of);

/// In parentheses only where it needs them.
std::string to_operand(const naive_condition& of, int rank_least) {
    std::string text = to_expression(of);
    if (rank_of(of) >= rank_least) {
        return text;
    }
    text.insert(text.begin(), '(');
    text += ')';
    return text;
}

std::string to_expression(const naive_condition& of) {
    if (of.what == 't') {
        return of.test.name() + "=" + to_literals(of.test).dump();
    }
    if (of.what == '~') {
        return "~" + to_operand(of.parts.front(), 2);
    }
    std::string all;
    for (const naive_condition& part : of.parts) {
        if (!all.empty()) {
            all.append(" ").append(1, of.what).append(" ");
        }
        all += to_operand(part, rank_of(of) + 1);
    }
    return all;
}

std::string quoted(const json& value) {
    std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    replace_all(text, "\"", "\"\"");
    text.insert(text.begin(), '"');
    text += '"';
    return text;
}

std::string to_csv(const json& value) {
    if (!value.is_array()) {
        return value.is_string() ? value.get<std::string>() : value.dump();
    }
    std::string line;
    for (const json& each : value) {
        line += line.empty() ? "" : ",";
        line += quoted(each);
    }
    return line;
}

std::string path_text(const std::vector<relation>& path) {
    std::string all;
    for (const relation& step : path) {
        all += all.empty() ? "" : "__";
        all += step.name;
    }
    return all;
}

std::string to_ordering(const std::vector<naive_order>& order) {
    std::string text;
    for (const naive_order& key : order) {
        text += text.empty() ? "" : ",";
        text += key.descending ? "-" : "";
        text += path_text(key.path);
        text += key.path.empty() ? "" : "__";
        text += key.field;
    }
    return text;
}

/// One character of a pattern, or one of several, perhaps any number of times.
struct atom {
    std::vector<std::string> characters;  ///< none: any
    bool repeats = false;
};

std::vector<atom> atoms_of(const std::vector<std::string>& pattern) {
    std::vector<atom> atoms;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] == "*") {
            atoms.back().repeats = true;
            continue;
        }
        auto& made = atoms.emplace_back();
        if (pattern[at] == "[") {
            for (++at; pattern[at] != "]"; ++at) {
                made.characters.push_back(pattern[at]);
            }
        } else if (pattern[at] != ".") {
            at += pattern[at] == "\\" ? 1 : 0;
            made.characters.push_back(pattern[at]);
        }
    }
    return atoms;
}

/// Whether the last character is a dollar that is not escaped.
bool ends_in_anchor(const std::vector<std::string>& pattern) {
    if (pattern.empty() || pattern.back() != "$") {
        return false;
    }
    const auto before = std::find_if_not(std::next(pattern.rbegin()), pattern.rend(),
                                         [](const std::string& each) { return each == "\\"; });
    return std::distance(std::next(pattern.rbegin()), before) % 2 == 0;
}

using text_iterator = std::vector<std::string>::const_iterator;
using atom_iterator = std::vector<atom>::const_iterator;

bool matches_here(text_iterator text, text_iterator text_end, atom_iterator pattern,
                  atom_iterator pattern_end, bool to_the_end) {
    if (pattern == pattern_end) {
        return !to_the_end || text == text_end;
    }
    const bool takes = text != text_end && (pattern->characters.empty() ||
                                            std::ranges::count(pattern->characters, *text) > 0);
    if (!pattern->repeats) {
        return takes &&
               matches_here(std::next(text), text_end, std::next(pattern), pattern_end, to_the_end);
    }
    return matches_here(text, text_end, std::next(pattern), pattern_end, to_the_end) ||
           (takes && matches_here(std::next(text), text_end, pattern, pattern_end, to_the_end));
}

}  // namespace

const std::map<std::string, std::vector<relation>>& relations() {
    static const std::map<std::string, std::vector<relation>> all{
        {"users",
         {{"posts", "posts", "author"},
          {"comments", "comments", "author"},
          {"likes", "likes", "user"}}},
        {"posts",
         {{"author", "users", nullptr},
          {"files", "files", "post"},
          {"comments", "comments", "post"},
          {"likes", "likes", "post"}}},
        {"files", {{"post", "posts", nullptr}}},
        {"comments", {{"post", "posts", nullptr}, {"author", "users", nullptr}}},
        {"likes", {{"post", "posts", nullptr}, {"user", "users", nullptr}}}};
    return all;
}

const std::map<std::string, names>& number_fields() {
    static const std::map<std::string, names> all{{"users", {"post_count"}},
                                                  {"posts", {"like_count", "comment_count"}},
                                                  {"files", {"width", "position"}},
                                                  {"comments", {}},
                                                  {"likes", {}}};
    return all;
}

const std::map<std::string, names>& text_fields() {
    static const std::map<std::string, names> all{{"users", {"username", "name"}},
                                                  {"posts", {"content"}},
                                                  {"files", {"type"}},
                                                  {"comments", {"content"}},
                                                  {"likes", {}}};
    return all;
}

std::string naive_test::name() const {
    std::string all = path_text(path);
    for (const std::string& each : {field == "id" ? id_as : field, part, lookup}) {
        all += all.empty() || each.empty() ? "" : "__";
        all += each;
    }
    return all;
}

std::string end_of(const std::string& list, const std::vector<relation>& path) {
    std::string at = list;
    for (const relation& step : path) {
        const bool is_there = std::ranges::any_of(relations().at(at), [&](const relation& each) {
            return each.name == std::string_view{step.name};
        });
        if (!is_there) {
            return {};
        }
        at = step.target;
    }
    return at;
}

std::vector<naive_order> whole_order(const naive_query& of) {
    std::vector<naive_order> order = of.order;
    if (order.empty()) {
        order.push_back({.path = {}, .field = "created_at", .is_text = false, .descending = true});
    }
    const bool descending = order.back().descending;
    order.push_back({.path = {}, .field = "id", .is_text = false, .descending = descending});
    return order;
}

parameters to_parameters(const naive_query& of) {
    parameters all;
    for (const naive_filter& filter : of.filters) {
        if (filter.is_expression) {
            all.emplace_back("filter", to_expression(filter.condition));
            continue;
        }
        const bool is_negated = filter.condition.what == '~';
        const naive_test& test =
            is_negated ? filter.condition.parts.front().test : filter.condition.test;
        all.emplace_back(test.name() + (is_negated ? "!" : ""), to_csv(to_literals(test)));
    }
    if (!of.order.empty()) {
        all.emplace_back("ordering", to_ordering(of.order));
    }
    return all;
}

std::string to_text(const naive_query& of) {
    std::string text = of.list;
    for (const auto& [name, value] : to_parameters(of)) {
        text += text.contains('?') ? "&" : "?";
        text.append(name).append("=").append(value);
    }
    return text;
}

bool matches_pattern(const std::string& text, const std::string& pattern) {
    auto characters = characters_of(pattern);
    const bool from_the_start = !characters.empty() && characters.front() == "^";
    if (from_the_start) {
        characters.erase(characters.begin());
    }
    const bool to_the_end = ends_in_anchor(characters);
    if (to_the_end) {
        characters.pop_back();
    }
    const auto atoms = atoms_of(characters);
    const auto subject = characters_of(text);
    for (auto at = subject.begin();; ++at) {
        if (matches_here(at, subject.end(), atoms.begin(), atoms.end(), to_the_end)) {
            return true;
        }
        if (from_the_start || at == subject.end()) {
            return false;
        }
    }
}

std::string upper(std::string text) {
    for (char& c : text) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    for (const auto& [small, large] : letters) {
        replace_all(text, small, large);
    }
    return text;
}

std::string lower(std::string text) {
    for (char& c : text) {
        c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    for (const auto& [small, large] : letters) {
        replace_all(text, large, small);
    }
    return text;
}

std::vector<std::string> characters_of(const std::string& utf8) {
    std::vector<std::string> all;
    all.reserve(utf8.size());
    for (const char c : utf8) {
        if ((static_cast<unsigned char>(c) & 0xC0U) == 0x80) {
            all.back() += c;
        } else {
            all.emplace_back(1, c);
        }
    }
    return all;
}

std::int64_t part_of(const std::string& part, std::int64_t microseconds) {
    const std::time_t seconds = microseconds / 1'000'000;
    std::tm at{};
    ::gmtime_r(&seconds, &at);
    return part == "year"       ? at.tm_year + 1900
           : part == "month"    ? at.tm_mon + 1
           : part == "day"      ? at.tm_mday
           : part == "week_day" ? at.tm_wday + 1
           : part == "hour"     ? at.tm_hour
           : part == "minute"   ? at.tm_min
           : part == "second"   ? at.tm_sec
           : part == "quarter"  ? at.tm_mon / 3 + 1
                                : seconds / 86'400;
}

}  // namespace pinhole::storage::test
