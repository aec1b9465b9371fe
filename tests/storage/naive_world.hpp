// Random rows of all kinds, deleted at every level, in a store and in memory; and what a condition
// means, worked out by looking at every row. It shares no code with the query engine.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

inline constexpr int users_count = 8;
inline constexpr int posts_count = 40;
inline constexpr entity_id me = 1;

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

inline const std::map<std::string, std::vector<relation>>& relations() {
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

inline const std::map<std::string, names>& number_fields() {
    static const std::map<std::string, names> all{{"users", {"post_count"}},
                                                  {"posts", {"like_count", "comment_count"}},
                                                  {"files", {"width", "position"}},
                                                  {"comments", {}},
                                                  {"likes", {}}};
    return all;
}

inline const std::map<std::string, names>& text_fields() {
    static const std::map<std::string, names> all{{"users", {"username", "name"}},
                                                  {"posts", {"content"}},
                                                  {"files", {"type"}},
                                                  {"comments", {"content"}},
                                                  {"likes", {}}};
    return all;
}

inline constexpr std::array words{"sea",       "Sea",  "SEA side",    "100%",   "a_b",
                                  "a,b \"c\"", "x\ny", "back\\slash", "Москва", "МОСКВА",
                                  "Ωδή",       "바다", "\U0001F600",  "",       "o'clock"};

/// Upper case of the letters that the words have.
inline std::string upper(std::string text) {
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

inline std::int64_t part_of(const std::string& part, std::int64_t microseconds) {
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
    kv::store& store() const { return *store_; }

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

}  // namespace pinhole::storage::test
