// Random queries over random rows with deletions at every level, against an evaluator that keeps
// all rows in memory, follows relations by looking at every row, and shares no code with the query
// engine. PINHOLE_TEST_SEED repeats a run, PINHOLE_TEST_QUERIES asks for more.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>

#include "storage/query/evaluator.hpp"
#include "storage/query/list_query.hpp"
#include "storage/query/parse.hpp"
#include "tests/storage/naive_world.hpp"

namespace pinhole::storage::test {

namespace {

using nlohmann::json;

constexpr int queries_ordinary = 3'000;

class query_maker {
public:
    explicit query_maker(world& in) : in_(in) {}

    naive_test make_test(const std::string& root) {
        naive_test test;
        std::string at = root;
        while (test.path.size() < 3 && pick(3) != 0) {
            const auto& choices = relations().at(at);
            test.path.push_back(choices[pick(choices.size())]);
            at = test.path.back().target;
        }
        test.end = at;
        if (pick(10) == 0 && !test.path.empty()) {
            test.field = test.path.back().name;
            test.path.pop_back();
            test.lookup = "isnull";
            test.path.push_back(relation_named(test.path, root, test.field));
            test.wants_null = pick(2) == 0;
            return test;
        }
        make_operands(test, at);
        return test;
    }

    naive_condition make_condition(const std::string& root, int depth) {
        naive_condition made;
        const auto choice = depth == 0 ? 3 : pick(5);
        if (choice >= 3) {
            made.test = make_test(root);
            return made;
        }
        made.what = "&|~"[choice];
        const std::size_t count = made.what == '~' ? 1 : 2 + pick(2);
        for (std::size_t i = 0; i < count; ++i) {
            made.parts.push_back(make_condition(root, depth - 1));
        }
        return made;
    }

    std::size_t pick(std::size_t below) { return in_.random().pick(below); }

private:
    relation relation_named(const std::vector<relation>& path, const std::string& root,
                            const std::string& name) const {
        const std::string at = path.empty() ? root : path.back().target;
        const auto& choices = relations().at(at);
        return *std::ranges::find_if(choices,
                                     [&](const relation& each) { return each.name == name; });
    }

    void make_operands(naive_test& test, const std::string& at) {
        const auto& texts = text_fields().at(at);
        const auto& numbers = number_fields().at(at);
        const std::size_t choice = pick(4);
        test.is_text = choice == 0 && !texts.empty();
        test.is_time = choice == 1;
        if (test.is_text) {
            test.field = texts[pick(texts.size())];
        } else if (test.is_time) {
            test.field = "created_at";
        } else {
            test.field = choice == 2 && !numbers.empty() ? numbers[pick(numbers.size())] : "id";
        }
        static constexpr std::array parts{"date", "year",   "month",  "day",    "week_day",
                                          "hour", "minute", "second", "quarter"};
        if (test.is_time && pick(2) == 0) {
            test.part = parts[pick(pick(2) == 0 ? 2 : parts.size())];
        }
        static constexpr std::array any{"", "exact", "in", "range", "gt", "gte", "lt", "lte"};
        static constexpr std::array text{"iexact",      "contains", "icontains", "startswith",
                                         "istartswith", "endswith", "iendswith"};
        test.lookup =
            test.is_text && pick(2) == 0 ? text[pick(text.size())] : any[pick(any.size())];
        const std::size_t count = test.lookup == "in" ? pick(4) : test.lookup == "range" ? 2 : 1;
        for (std::size_t i = 0; i < count; ++i) {
            add_operand(test);
        }
    }

    void add_operand(naive_test& test) {
        if (test.is_text) {
            const bool is_part = test.lookup.contains("with") || test.lookup.contains("contains");
            const std::string word = test.field == "username" && pick(2) == 0
                                         ? "user" + std::to_string(in_.user_id())
                                         : in_.word();
            const bool is_ascii = std::ranges::all_of(
                word, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
            test.texts.push_back(is_part && is_ascii ? word.substr(0, pick(3)) : word);
        } else if (test.is_time) {
            const auto at = to_microseconds(make_user(1, "x", in_.second()).created_at);
            test.numbers.push_back(test.part.empty() ? at : part_of(test.part, at));
        } else if (test.field == "id") {
            test.numbers.push_back(in_.some_id());
        } else {
            test.numbers.push_back(static_cast<std::int64_t>(pick(6)) - 1);
        }
    }

    world& in_;
};

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
    const std::size_t count = test.is_text ? test.texts.size() : test.numbers.size();
    if (test.lookup != "in" && test.lookup != "range") {
        return to_literal(test, 0);
    }
    json all = json::array();
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(to_literal(test, i));
    }
    return all;
}

/// The name, where the path's last relation is what is asked itself.
std::string name_of(const naive_test& test) {
    if (test.lookup != "isnull") {
        return test.name();
    }
    std::string all;
    for (const relation& step : test.path) {
        all += std::string{step.name} + "__";
    }
    return all + "isnull";
}

std::string to_expression(const naive_condition& of) {
    if (of.what == 't') {
        return name_of(of.test) + "=" + to_literals(of.test).dump();
    }
    if (of.what == '~') {
        return "~(" + to_expression(of.parts.front()) + ")";
    }
    std::string all;
    for (const naive_condition& part : of.parts) {
        all += all.empty() ? "(" : std::string{" "} + of.what + " ";
        all += to_expression(part);
    }
    return all + ")";
}

std::string to_csv(const json& value) {
    const auto field = [](const json& each) {
        const std::string text = each.is_string() ? each.get<std::string>() : each.dump();
        std::string quoted = "\"";
        for (const char c : text) {
            quoted += c == '"' ? "\"\"" : std::string(1, c);
        }
        return quoted + '"';
    };
    if (!value.is_array()) {
        return value.is_string() ? value.get<std::string>() : value.dump();
    }
    std::string line;
    for (const json& each : value) {
        line += line.empty() ? "" : ",";
        line += field(each);
    }
    return line;
}

struct naive_order {
    std::vector<relation> path;
    std::string field;
    bool is_text = false;
    bool descending = false;
};

class comparison {
public:
    explicit comparison(world& in) : in_(in), make_(in) {}

    void run_one() {
        static const std::vector<std::pair<std::string, query::entity>> lists{
            {"users", query::entity::user},
            {"posts", query::entity::post},
            {"files", query::entity::file},
            {"comments", query::entity::comment},
            {"likes", query::entity::like}};
        const auto& [list, root] = lists[make_.pick(lists.size())];
        std::vector<naive_condition> filters;
        query::list_request request{.root = root, .me = me};
        std::string said = list;
        for (std::size_t count = make_.pick(4); count > 0; --count) {
            naive_condition condition;
            auto parsed = add_filter(list, root, condition, said);
            request.filter.parts.push_back(std::move(parsed));
            filters.push_back(std::move(condition));
        }
        const auto order = make_order(list, root, request, said);
        auto expected = in_.all_visible(list);
        std::erase_if(expected, [&](entity_id id) {
            return !std::ranges::all_of(
                filters, [&](const naive_condition& each) { return in_.holds(each, id); });
        });
        std::ranges::sort(expected,
                          [&](entity_id a, entity_id b) { return is_before(order, a, b); });
        BOOST_TEST_INFO_SCOPE(said);
        check(expected, std::move(request));
    }

private:
    query::condition add_filter(const std::string& list, query::entity root,
                                naive_condition& condition, std::string& said) {
        if (make_.pick(2) == 0) {
            condition = make_.make_condition(list, 3);
            const std::string text = to_expression(condition);
            said += " & filter=" + text;
            return query::parse_expression({root, me}, text).value();
        }
        condition.test = make_.make_test(list);
        std::string name = name_of(condition.test);
        const std::string value = to_csv(to_literals(condition.test));
        if (make_.pick(3) == 0) {
            name += '!';
            naive_condition inner = condition;
            condition = {};
            condition.what = '~';
            condition.parts.push_back(std::move(inner));
        }
        said += " & " + name + "=" + value;
        return query::parse_parameter({root, me}, name, value).value();
    }

    std::vector<naive_order> make_order(const std::string& list, query::entity root,
                                        query::list_request& request, std::string& said) {
        std::vector<naive_order> order;
        std::string text;
        if (make_.pick(2) == 0) {
            order.push_back({{}, "created_at", false, make_.pick(2) == 0});
            text = order.back().descending ? "-created_at" : "created_at";
        } else {
            for (std::size_t count = 1 + make_.pick(2); count > 0; --count) {
                order.push_back(make_order_key(list));
                text += text.empty() ? "" : ",";
                text += order.back().descending ? "-" : "";
                for (const relation& step : order.back().path) {
                    text += std::string{step.name} + "__";
                }
                text += order.back().field;
            }
        }
        said += " ordering=" + text;
        request.order = query::parse_ordering({root, me}, text).value();
        order.push_back({{}, "id", false, order.back().descending});
        return order;
    }

    naive_order make_order_key(const std::string& list) {
        naive_order key;
        std::string at = list;
        const auto& choices = relations().at(at);
        if (make_.pick(2) == 0 && choices.front().by == nullptr) {
            key.path.push_back(choices.front());
            at = choices.front().target;
        }
        const auto& texts = text_fields().at(at);
        const auto& numbers = number_fields().at(at);
        key.is_text = !texts.empty() && make_.pick(2) == 0;
        key.field = key.is_text       ? texts[make_.pick(texts.size())]
                    : numbers.empty() ? "created_at"
                                      : numbers[make_.pick(numbers.size())];
        key.descending = make_.pick(2) == 0;
        return key;
    }

    bool is_before(const std::vector<naive_order>& order, entity_id a, entity_id b) const {
        for (const naive_order& key : order) {
            const entity_id from = in_.ends(a, key.path).front();
            const entity_id to = in_.ends(b, key.path).front();
            if (key.is_text) {
                const int compared = in_.text(from, key.field).compare(in_.text(to, key.field));
                if (compared != 0) {
                    return (compared < 0) != key.descending;
                }
            } else if (in_.number(from, key.field) != in_.number(to, key.field)) {
                return (in_.number(from, key.field) < in_.number(to, key.field)) != key.descending;
            }
        }
        return false;
    }

    void check(const std::vector<entity_id>& expected, query::list_request request) {
        request.page.size = static_cast<std::uint32_t>(1 + make_.pick(30));
        request.wants_count = make_.pick(4) == 0;
        std::vector<std::vector<entity_id>> pages;
        std::vector<entity_id> walked;
        query::list_answer answer;
        do {
            answer = run(request);
            if (request.wants_count) {
                BOOST_TEST(answer.count.value() == static_cast<std::int64_t>(expected.size()));
            }
            pages.push_back(ids_on(answer));
            walked.insert(walked.end(), pages.back().begin(), pages.back().end());
            request.page.from = answer.rows.next;
            BOOST_REQUIRE_LE(walked.size(), expected.size());
        } while (answer.rows.next);
        BOOST_REQUIRE_EQUAL_COLLECTIONS(walked.begin(), walked.end(), expected.begin(),
                                        expected.end());
        for (std::size_t i = pages.size() - 1; i > 0; --i) {
            BOOST_REQUIRE(answer.rows.previous.has_value());
            request.page.from = answer.rows.previous;
            answer = run(request);
            BOOST_REQUIRE((ids_on(answer) == pages[i - 1]));
        }
        BOOST_TEST(!answer.rows.previous.has_value());
    }

    query::list_answer run(const query::list_request& request) const {
        const auto reader = in_.store().snapshot(kv::read_mode::blocking);
        return query::run_list(*reader, request).value();
    }

    static std::vector<entity_id> ids_on(const query::list_answer& answer) {
        std::vector<entity_id> ids;
        ids.reserve(answer.rows.results.size());
        for (const auto& row : answer.rows.results) {
            ids.push_back(query::id_of(row));
        }
        return ids;
    }

    world& in_;
    query_maker make_;
};

int queries_wanted() {
    const char* wanted = std::getenv("PINHOLE_TEST_QUERIES");
    return wanted != nullptr ? std::stoi(wanted) : queries_ordinary;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(query_differential)

BOOST_AUTO_TEST_CASE(random_queries_find_what_is_found_naively) {
    world in;
    BOOST_TEST_INFO_SCOPE(in.seed_text());
    comparison compare{in};
    for (int i = queries_wanted(); i > 0; --i) {
        compare.run_one();
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
