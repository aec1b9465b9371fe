#include "tests/storage/random_query.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

namespace pinhole::storage::test {

namespace {

constexpr std::size_t part_characters_max = 8;

bool asks_for_part(std::string_view lookup) {
    return lookup.ends_with("contains") || lookup.ends_with("with");
}

/// Characters that mean something in a pattern.
bool is_sign(const std::string& character) {
    return character.size() == 1 && std::string_view{"\\^$.|?*+()[]{}"}.contains(character[0]);
}

bool can_stand_in_brackets(const std::string& character) {
    return !is_sign(character) && character != "-";
}

std::string joined(const std::vector<std::string>& characters, std::size_t from,
                   std::size_t count) {
    std::string all;
    for (std::size_t i = from; i < from + count; ++i) {
        all += characters[i];
    }
    return all;
}

}  // namespace

naive_query query_maker::make_query() {
    static constexpr std::array lists{"users", "posts", "files", "comments", "likes"};
    naive_query made;
    made.list = any_of(lists);
    bool may_be_expression = true;
    for (std::size_t count = pick(4); count > 0; --count) {
        made.filters.push_back(make_filter(made.list, may_be_expression));
        may_be_expression = may_be_expression && !made.filters.back().is_expression;
    }
    switch (pick(4)) {
        case 0:
            break;
        case 1:
            made.order.push_back(
                {.path = {}, .field = "created_at", .is_text = false, .descending = one_in(2)});
            break;
        default:
            for (std::size_t count = 1 + pick(3); count > 0; --count) {
                made.order.push_back(make_order(made.list));
            }
    }
    made.page_size = static_cast<std::uint32_t>(1 + pick(30));
    made.wants_count = one_in(4);
    return made;
}

naive_filter query_maker::make_filter(const std::string& list, bool may_be_expression) {
    naive_filter made;
    if (may_be_expression && one_in(2)) {
        made.is_expression = true;
        made.condition = make_condition(list, 3);
        return made;
    }
    made.condition.test = make_test(list);
    if (one_in(3)) {
        naive_condition inner = std::move(made.condition);
        made.condition = {.what = '~', .parts = {}, .test = {}};
        made.condition.parts.push_back(std::move(inner));
    }
    return made;
}

naive_condition query_maker::make_condition(const std::string& list, int depth) {
    naive_condition made;
    const auto choice = depth == 0 ? 3 : pick(5);
    if (choice >= 3) {
        made.test = make_test(list);
        return made;
    }
    made.what = "&|~"[choice];
    const std::size_t count = made.what == '~' ? 1 : 2 + pick(2);
    for (std::size_t i = 0; i < count; ++i) {
        made.parts.push_back(make_condition(list, depth - 1));
    }
    return made;
}

naive_test query_maker::make_test(const std::string& list) {
    naive_test test;
    std::string at = list;
    while (test.path.size() < 3 && pick(3) != 0) {
        test.path.push_back(any_of(relations().at(at)));
        at = test.path.back().target;
    }
    if (one_in(10)) {
        ask_for_null(test, at);
    } else {
        ask_for_value(test, at);
    }
    return test;
}

void query_maker::ask_for_null(naive_test& test, const std::string& end) {
    test.lookup = "isnull";
    test.wants_null = one_in(2);
    if (test.path.empty() || one_in(4)) {
        const auto& texts = text_fields().at(end);
        test.field = texts.empty() || one_in(2) ? "created_at" : any_of(texts);
    }
}

void query_maker::ask_for_value(naive_test& test, const std::string& end) {
    const auto& texts = text_fields().at(end);
    const auto& numbers = number_fields().at(end);
    const std::size_t choice = pick(5);
    test.is_text = choice < 2 && !texts.empty();
    test.is_time = choice == 2;
    if (test.is_text) {
        test.field = any_of(texts);
    } else if (test.is_time) {
        test.field = "created_at";
    } else {
        test.field = choice == 3 && !numbers.empty() ? any_of(numbers) : "id";
    }
    if (test.field == "id") {
        static constexpr std::array ways{"id", "pk", ""};
        test.id_as = test.path.empty() ? ways[pick(2)] : any_of(ways);
    }
    static constexpr std::array parts{"date", "year",   "month",  "day",    "week_day",
                                      "hour", "minute", "second", "quarter"};
    if (test.is_time && one_in(2)) {
        test.part = parts[pick(one_in(2) ? 2 : parts.size())];
    }
    static constexpr std::array any{"", "exact", "in", "range", "gt", "gte", "lt", "lte"};
    static constexpr std::array text{"iexact",    "contains",   "icontains", "contains",
                                     "icontains", "startswith", "endswith",  "istartswith",
                                     "iendswith", "regex",      "iregex"};
    test.lookup = test.is_text && !one_in(3) ? any_of(text) : any_of(any);
    for (std::size_t count = test.lookup == "in"      ? pick(4)
                             : test.lookup == "range" ? 2
                                                      : 1;
         count > 0; --count) {
        add_operand(test, end);
    }
}

void query_maker::add_operand(naive_test& test, const std::string& end) {
    if (test.is_text) {
        test.texts.push_back(make_text(test, end));
    } else if (test.is_time) {
        const auto at = to_microseconds(in_.moment());
        test.numbers.push_back(test.part.empty() ? at : part_of(test.part, at));
    } else if (test.field == "id") {
        test.numbers.push_back(in_.some_id());
    } else {
        test.numbers.push_back(static_cast<std::int64_t>(pick(6)) - 1);
    }
}

std::string query_maker::make_text(const naive_test& test, const std::string& end) {
    const std::string whole = one_in(6) ? in_.content() : in_.some_text(end, test.field);
    const bool any_case = test.lookup.starts_with('i') && test.lookup != "in";
    const std::string turned = !any_case || one_in(3) ? whole
                               : one_in(2)            ? upper(whole)
                                                      : lower(whole);
    if (asks_for_part(test.lookup)) {
        return one_in(10) ? std::string{} : make_part_of(test.lookup, turned);
    }
    return test.lookup.ends_with("regex") ? make_pattern(turned) : turned;
}

/// Up to eight of its characters, cut out where the lookup looks, or anywhere.
std::string query_maker::make_part_of(const std::string& lookup, const std::string& whole) {
    const auto characters = characters_of(whole);
    if (characters.empty()) {
        return whole;
    }
    const std::size_t count = 1 + pick(std::min(characters.size(), part_characters_max));
    const std::size_t beyond = characters.size() - count;
    const bool is_anywhere = lookup.ends_with("contains") || one_in(5);
    const std::size_t from = is_anywhere                      ? pick(beyond + 1)
                             : lookup.ends_with("startswith") ? 0
                                                              : beyond;
    return joined(characters, from, count);
}

/// A pattern that some of the text's characters match.
std::string query_maker::make_pattern(const std::string& whole) {
    const auto characters =
        characters_of(make_part_of(one_in(2) ? "contains" : "startswith", whole));
    std::string pattern = one_in(3) ? "^" : "";
    for (const std::string& each : characters) {
        pattern += make_atom(each);
    }
    return pattern + (one_in(4) ? "$" : "");
}

std::string query_maker::make_atom(const std::string& character) {
    if (one_in(8)) {
        return one_in(2) ? "." : ".*";
    }
    std::string atom = is_sign(character) ? "\\" + character : character;
    if (one_in(8) && can_stand_in_brackets(character)) {
        atom.insert(atom.begin(), '[');
        atom += one_in(2) ? "e" : "바";
        atom += ']';
    }
    return atom + (one_in(10) ? "*" : "");
}

naive_order query_maker::make_order(const std::string& list) {
    naive_order key;
    std::string at = list;
    while (key.path.size() < 2 && relations().at(at).front().by == nullptr && one_in(2)) {
        key.path.push_back(relations().at(at).front());
        at = key.path.back().target;
    }
    const auto& texts = text_fields().at(at);
    const auto& numbers = number_fields().at(at);
    key.is_text = !texts.empty() && one_in(2);
    key.field = key.is_text                    ? any_of(texts)
                : numbers.empty() || one_in(4) ? "created_at"
                                               : any_of(numbers);
    key.descending = one_in(2);
    return key;
}

}  // namespace pinhole::storage::test
