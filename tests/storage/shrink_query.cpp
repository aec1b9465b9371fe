#include "tests/storage/shrink_query.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace pinhole::storage::test {

namespace {

constexpr int attempts_max = 1'000;
constexpr std::uint32_t page_size_simplest = 20;

template <class Element>
std::vector<Element> without(std::vector<Element> all, std::size_t index) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(index));
    return all;
}

bool has_field(const std::string& list, const std::string& field) {
    const auto is_field = [&](const char* each) { return field == each; };
    return field.empty() || field == "id" || field == "created_at" ||
           std::ranges::any_of(text_fields().at(list), is_field) ||
           std::ranges::any_of(number_fields().at(list), is_field);
}

/// Whether the path leads somewhere, and to the field. No field is the path's own end.
bool is_sound(const std::string& list, const std::vector<relation>& path,
              const std::string& field) {
    const std::string end = end_of(list, path);
    return !end.empty() && has_field(end, field) && (!path.empty() || !field.empty());
}

/// The path with one step less, each in turn, where that is one.
template <class Owner>
void append_shorter_paths(const std::string& list, const Owner& of, std::vector<Owner>& out) {
    for (std::size_t i = 0; i < of.path.size(); ++i) {
        Owner less = of;
        less.path = without(of.path, i);
        if (is_sound(list, less.path, less.field)) {
            out.push_back(std::move(less));
        }
    }
}

/// A half of the text, or a character less.
std::vector<std::string> shorter_texts(const std::string& text) {
    const auto characters = characters_of(text);
    const std::size_t size = characters.size();
    std::vector<std::string> shorter;
    for (const auto& [from, to] :
         {std::pair{std::size_t{0}, size / 2}, std::pair{size / 2, size},
          std::pair{std::size_t{1}, size},
          std::pair{std::size_t{0}, size - std::min<std::size_t>(1, size)}}) {
        std::string part;
        for (std::size_t i = from; i < to; ++i) {
            part += characters[i];
        }
        if (part.size() < text.size()) {
            shorter.push_back(std::move(part));
        }
    }
    return shorter;
}

void append_smaller_operands(const naive_test& of, std::vector<naive_test>& out) {
    const std::size_t count = of.is_text ? of.texts.size() : of.numbers.size();
    for (std::size_t i = 0; of.lookup == "in" && i < count; ++i) {
        naive_test less = of;
        if (of.is_text) {
            less.texts = without(of.texts, i);
        } else {
            less.numbers = without(of.numbers, i);
        }
        out.push_back(std::move(less));
    }
    // Half of a pattern is perhaps none.
    const bool is_pattern = of.lookup.ends_with("regex");
    for (std::size_t i = 0; i < of.texts.size() && !is_pattern; ++i) {
        for (std::string& shorter : shorter_texts(of.texts[i])) {
            naive_test less = of;
            less.texts[i] = std::move(shorter);
            out.push_back(std::move(less));
        }
    }
}

std::vector<naive_test> smaller_tests(const std::string& list, const naive_test& of) {
    std::vector<naive_test> all;
    append_shorter_paths(list, of, all);
    for (naive_test& each : all) {
        // What is left of a path without any relation is the field.
        each.id_as = each.path.empty() && each.id_as.empty() ? "id" : each.id_as;
    }
    append_smaller_operands(of, all);
    if (of.id_as != "id") {
        naive_test plain = of;
        plain.id_as = "id";
        all.push_back(std::move(plain));
    }
    return all;
}

std::vector<naive_condition> smaller_conditions(const std::string& list,
                                                const naive_condition& of) {
    if (of.what == 't') {
        std::vector<naive_condition> all;
        for (naive_test& test : smaller_tests(list, of.test)) {
            all.push_back({.what = 't', .parts = {}, .test = std::move(test)});
        }
        return all;
    }
    std::vector<naive_condition> all = of.parts;
    for (std::size_t i = 0; i < of.parts.size(); ++i) {
        if (of.parts.size() > 2) {
            all.push_back({.what = of.what, .parts = without(of.parts, i), .test = {}});
        }
        for (naive_condition& part : smaller_conditions(list, of.parts[i])) {
            naive_condition less = of;
            less.parts[i] = std::move(part);
            all.push_back(std::move(less));
        }
    }
    return all;
}

bool can_be_parameter(const naive_condition& of) {
    return of.what == 't' || (of.what == '~' && of.parts.front().what == 't');
}

void append_smaller_filters(const naive_query& of, std::vector<naive_query>& out) {
    for (std::size_t i = 0; i < of.filters.size(); ++i) {
        naive_query less = of;
        less.filters = without(of.filters, i);
        out.push_back(std::move(less));
    }
    for (std::size_t i = 0; i < of.filters.size(); ++i) {
        for (naive_condition& condition : smaller_conditions(of.list, of.filters[i].condition)) {
            naive_query less = of;
            less.filters[i].condition = std::move(condition);
            out.push_back(std::move(less));
        }
        if (of.filters[i].is_expression && can_be_parameter(of.filters[i].condition)) {
            naive_query less = of;
            less.filters[i].is_expression = false;
            out.push_back(std::move(less));
        }
    }
}

void append_smaller_orders(const naive_query& of, std::vector<naive_query>& out) {
    for (std::size_t i = 0; i < of.order.size(); ++i) {
        naive_query less = of;
        less.order = without(of.order, i);
        out.push_back(std::move(less));
    }
    for (std::size_t i = 0; i < of.order.size(); ++i) {
        std::vector<naive_order> shorter;
        append_shorter_paths(of.list, of.order[i], shorter);
        for (naive_order& key : shorter) {
            naive_query less = of;
            less.order[i] = std::move(key);
            out.push_back(std::move(less));
        }
    }
}

}  // namespace

std::vector<naive_query> smaller_queries(const naive_query& of) {
    std::vector<naive_query> all;
    append_smaller_filters(of, all);
    append_smaller_orders(of, all);
    if (of.wants_count) {
        naive_query less = of;
        less.wants_count = false;
        all.push_back(std::move(less));
    }
    if (of.page_size != page_size_simplest) {
        naive_query less = of;
        less.page_size = page_size_simplest;
        all.push_back(std::move(less));
    }
    return all;
}

naive_query shrink_query(naive_query query, const std::function<bool(const naive_query&)>& fails) {
    int attempts = 0;
    for (bool got_smaller = true; got_smaller && attempts < attempts_max;) {
        auto smaller = smaller_queries(query);
        const auto next = std::ranges::find_if(smaller, [&](const naive_query& each) {
            return ++attempts <= attempts_max && fails(each);
        });
        got_smaller = next != smaller.end();
        if (got_smaller) {
            query = std::move(*next);
        }
    }
    return query;
}

}  // namespace pinhole::storage::test
