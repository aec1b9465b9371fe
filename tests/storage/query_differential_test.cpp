// Random queries over random rows with deletions at every level, against an evaluator that keeps
// all rows in memory, follows relations by looking at every row, and shares no code with the query
// engine. PINHOLE_TEST_SEED repeats a run, PINHOLE_TEST_QUERIES asks for more.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "storage/query/evaluator.hpp"
#include "storage/query/list_query.hpp"
#include "storage/query/parse.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

namespace {

using nlohmann::json;

constexpr int users_count = 8;
constexpr int posts_count = 40;
constexpr int queries_ordinary = 3'000;
constexpr entity_id me = 1;

/// A row as names and values, with what it refers to.
struct naive_row {
    std::string list;
    bool is_deleted = false;
    std::map<std::string, std::int64_t> numbers;  ///< ids and times, too
    std::map<std::string, std::string> texts;
    std::map<std::string, entity_id> references;
};

struct relation {
    const char* name;
    const char* target;
    const char* by;  ///< of a backward one: the reference on the other side
};

using names = std::vector<const char*>;

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

constexpr std::array words{"sea",       "Sea",  "SEA side",    "100%",   "a_b",
                           "a,b \"c\"", "x\ny", "back\\slash", "Москва", "МОСКВА",
                           "Ωδή",       "바다", "\U0001F600",  "",       "o'clock"};

/// Upper case of the letters that the words have.
std::string upper(std::string text) {
    static const std::vector<std::pair<std::string, std::string>> letters{
        {"о", "О"}, {"с", "С"}, {"к", "К"}, {"в", "В"}, {"а", "А"}, {"δ", "Δ"}, {"ή", "Ή"}};
    for (char& c : text) {
        c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    }
    for (const auto& [small, large] : letters) {
        for (auto at = text.find(small); at != std::string::npos; at = text.find(small)) {
            text.replace(at, small.size(), large);
        }
    }
    return text;
}

/// One random test, written and understood here.
struct naive_test {
    std::vector<relation> path;
    std::string end;  ///< of the last relation
    std::string field;
    std::string lookup;
    std::vector<std::int64_t> numbers;
    std::vector<std::string> texts;
    bool is_text = false;
    bool is_time = false;
    std::string part;  ///< of a time
    bool wants_null = false;

    std::string name() const {
        std::string all;
        for (const relation& step : path) {
            all += std::string{step.name} + "__";
        }
        return all + field + (part.empty() ? "" : "__" + part) +
               (lookup.empty() ? "" : "__" + lookup);
    }
};

struct naive_condition {
    char what = 't';  ///< t: test, &: all, |: any, ~: not
    std::vector<naive_condition> parts;
    naive_test test;
};

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

class world {
public:
    world() : seed_(make_seed()), random_(seed_), store_(open_store(directory_.path())) {
        kv::commit commit;
        for (entity_id id = 1; id <= users_count; ++id) {
            user row = make_user(id, "user" + std::to_string(id), second());
            row.name = word();
            row.is_deleted = id != me && random_.one_in(5);
            append_create(commit, row);
            auto& naive = add("users", row);
            naive.texts = {{"username", row.username}, {"name", row.name}};
            naive.numbers["post_count"] = count_for(commit, user_post_count_key(id), 1);
        }
        for (int i = 0; i < posts_count; ++i) {
            post row = make_post(take_id(), user_id(), second());
            row.content = word();
            row.files.clear();
            row.is_deleted = random_.one_in(5);
            append_create(commit, row);
            auto& naive = add("posts", row);
            naive.texts = {{"content", row.content}};
            naive.references = {{"author", row.author.id}};
            naive.numbers["like_count"] = count_for(commit, post_counts_key(row.id), one_like);
            naive.numbers["comment_count"] =
                count_for(commit, post_counts_key(row.id), one_comment);
            add_children(commit, row.id);
        }
        must_commit(*store_, std::move(commit));
    }

    std::string seed_text() const { return "PINHOLE_TEST_SEED=" + std::to_string(seed_); }
    generator& random() { return random_; }
    const kv::store& store() const { return *store_; }

    bool is_visible(entity_id id) const {
        const naive_row& row = rows_.at(id);
        return !row.is_deleted && std::ranges::all_of(row.references, [&](const auto& reference) {
            return is_visible(reference.second);
        });
    }

    std::vector<entity_id> step(entity_id from, const relation& along) const {
        if (along.by == nullptr) {
            return {rows_.at(from).references.at(along.name)};
        }
        std::vector<entity_id> found;
        for (const auto& [id, row] : rows_) {
            if (row.list == along.target && row.references.at(along.by) == from && is_visible(id)) {
                found.push_back(id);
            }
        }
        return found;
    }

    /// Where the path leads; zero stands for the null of a left join.
    std::vector<entity_id> ends(entity_id from, const std::vector<relation>& path) const {
        std::vector<entity_id> at{from};
        for (const relation& along : path) {
            std::vector<entity_id> next;
            for (const entity_id each : at) {
                const auto found = each == 0 ? std::vector<entity_id>{} : step(each, along);
                next.insert(next.end(), found.begin(), found.end());
                if (found.empty()) {
                    next.push_back(0);
                }
            }
            at = std::move(next);
        }
        return at;
    }

    bool holds(const naive_condition& of, entity_id id) const {
        const auto here = [&](const naive_condition& part) { return holds(part, id); };
        switch (of.what) {
            case '&':
                return std::ranges::all_of(of.parts, here);
            case '|':
                return std::ranges::any_of(of.parts, here);
            case '~':
                return !here(of.parts.front());
            default:
                return std::ranges::any_of(ends(id, of.test.path),
                                           [&](entity_id end) { return holds_at(of.test, end); });
        }
    }

    std::int64_t number(entity_id id, const std::string& field) const {
        return field == "id" ? id : rows_.at(id).numbers.at(field);
    }
    const std::string& text(entity_id id, const std::string& field) const {
        return rows_.at(id).texts.at(field);
    }

    std::vector<entity_id> all_visible(const std::string& list) const {
        std::vector<entity_id> found;
        for (const auto& [id, row] : rows_) {
            if (row.list == list && is_visible(id)) {
                found.push_back(id);
            }
        }
        return found;
    }

    /// Few times, over some years.
    std::int64_t second() { return static_cast<std::int64_t>(random_.pick(30)) * 3'456'789; }
    std::string word() { return words[random_.pick(words.size())]; }
    /// Mostly one that is there.
    entity_id some_id() {
        if (random_.one_in(8)) {
            return static_cast<entity_id>(random_.pick(2'000)) + 1;
        }
        auto at = rows_.begin();
        std::advance(at, static_cast<std::ptrdiff_t>(random_.pick(rows_.size())));
        return at->first;
    }
    entity_id user_id() { return static_cast<entity_id>(random_.pick(users_count)) + 1; }

private:
    bool holds_at(const naive_test& test, entity_id end) const {
        if (test.lookup == "isnull") {
            return (end == 0) == test.wants_null;
        }
        if (end == 0) {
            return false;
        }
        return test.is_text ? holds_text(test, text(end, test.field))
                            : holds_number(test, number(end, test.field));
    }

    static bool holds_number(const naive_test& test, std::int64_t whole) {
        const auto& to = test.numbers;
        const std::int64_t value = test.part.empty() ? whole : part_of(test.part, whole);
        if (test.lookup == "in") {
            return std::ranges::count(to, value) > 0;
        }
        if (test.lookup == "range") {
            return to[0] <= value && value <= to[1];
        }
        return test.lookup == "gt"    ? value > to[0]
               : test.lookup == "gte" ? value >= to[0]
               : test.lookup == "lt"  ? value < to[0]
               : test.lookup == "lte" ? value <= to[0]
                                      : value == to[0];
    }

    static bool holds_text(const naive_test& test, const std::string& value) {
        const auto& to = test.texts;
        const bool any_case = test.lookup.starts_with('i') && test.lookup != "in";
        if (any_case) {
            naive_test same = test;
            same.lookup.erase(0, 1);
            for (std::string& each : same.texts) {
                each = upper(each);
            }
            return holds_text(same, upper(value));
        }
        if (test.lookup == "in") {
            return std::ranges::count(to, value) > 0;
        }
        if (test.lookup == "range") {
            return to[0] <= value && value <= to[1];
        }
        if (test.lookup == "contains") {
            return value.find(to[0]) != std::string::npos;
        }
        if (test.lookup == "startswith") {
            return value.compare(0, to[0].size(), to[0]) == 0;
        }
        if (test.lookup == "endswith") {
            return value.size() >= to[0].size() &&
                   value.compare(value.size() - to[0].size(), to[0].size(), to[0]) == 0;
        }
        return test.lookup == "gt"    ? value > to[0]
               : test.lookup == "gte" ? value >= to[0]
               : test.lookup == "lt"  ? value < to[0]
               : test.lookup == "lte" ? value <= to[0]
                                      : value == to[0];
    }

    void add_children(kv::commit& commit, entity_id parent) {
        for (std::size_t count = random_.pick(3); count > 0; --count) {
            file row = make_post(take_id(), 1, second()).files[0];
            row.post.id = parent;
            row.width = static_cast<std::int64_t>(random_.pick(5));
            row.type = random_.one_in(2) ? "image" : "video";
            row.is_deleted = random_.one_in(5);
            append_create(commit, row);
            auto& naive = add("files", row);
            naive.texts = {{"type", row.type}};
            naive.references = {{"post", parent}};
            naive.numbers["width"] = row.width;
            naive.numbers["position"] = row.position;
        }
        for (std::size_t count = random_.pick(4); count > 0; --count) {
            comment row = make_comment(take_id(), parent, user_id(), second());
            row.content = "c" + word();
            row.is_deleted = random_.one_in(5);
            append_create(commit, row);
            auto& naive = add("comments", row);
            naive.texts = {{"content", row.content}};
            naive.references = {{"post", parent}, {"author", row.author.id}};
        }
        for (entity_id who = 1; who <= users_count; ++who) {
            if (random_.one_in(3)) {
                like row = make_like(take_id(), parent, who, second());
                row.is_deleted = random_.one_in(5);
                append_create(commit, row);
                add("likes", row).references = {{"post", parent}, {"user", who}};
            }
        }
    }

    template <class Row>
    naive_row& add(const char* list, const Row& row) {
        naive_row& naive = rows_[row.id];
        naive.list = list;
        naive.is_deleted = row.is_deleted;
        naive.numbers["created_at"] = to_microseconds(row.created_at);
        return naive;
    }

    std::int64_t count_for(kv::commit& commit, kv::key key, std::int64_t unit) {
        const auto count = static_cast<std::int64_t>(random_.pick(4));
        commit.operations.emplace_back(kv::add{std::move(key), count * unit});
        return count;
    }

    entity_id take_id() { return next_id_ += 2; }

    std::uint64_t seed_;
    generator random_;
    pinhole::test::temporary_directory directory_;
    std::unique_ptr<kv::store> store_;
    entity_id next_id_ = 100;
    std::map<entity_id, naive_row> rows_;
};

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
