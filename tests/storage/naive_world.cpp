#include "tests/storage/naive_world.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>
#include <utility>

#include "storage/ranking.hpp"

namespace pinhole::storage::test {

namespace {

/// What the lookups that compare have in common.
template <class Value>
bool compares(const std::string& lookup, const Value& value, const std::vector<Value>& to) {
    if (lookup == "in") {
        return std::ranges::count(to, value) > 0;
    }
    if (lookup == "range") {
        return to[0] <= value && value <= to[1];
    }
    return lookup == "gt"    ? value > to[0]
           : lookup == "gte" ? value >= to[0]
           : lookup == "lt"  ? value < to[0]
           : lookup == "lte" ? value <= to[0]
                             : value == to[0];
}

bool holds_number(const naive_test& test, std::int64_t whole) {
    return compares(test.lookup, test.part.empty() ? whole : part_of(test.part, whole),
                    test.numbers);
}

bool holds_text(const naive_test& test, const std::string& value) {
    const auto& to = test.texts;
    if (test.lookup.starts_with('i') && test.lookup != "in") {
        naive_test same = test;
        same.lookup.erase(0, 1);
        std::ranges::transform(same.texts, same.texts.begin(), upper);
        return holds_text(same, upper(value));
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
    return test.lookup == "regex" ? matches_pattern(value, to[0])
                                  : compares(test.lookup, value, to);
}

}  // namespace

world::world() : seed_(make_seed()), random_(seed_), store_(open_store(directory_.path())) {
    kv::commit commit;
    add_users(commit);
    for (int i = 0; i < posts_count; ++i) {
        add_post(commit);
    }
    must_commit(*store_, std::move(commit));
}

void world::rank_some() {
    const auto reader = store_->snapshot(kv::read_mode::blocking);
    must_commit(*store_, plan_rank<user>(*reader, users_count / 2));
    must_commit(*store_, plan_rank<post>(*reader, posts_count / 2));
}

std::vector<entity_id> world::find(const naive_query& query) const {
    std::vector<entity_id> found;
    for (const auto& [id, row] : rows_) {
        shown_ = query.of_deleted ? id : 0;
        if (row.list == query.list && is_listed(query, id) &&
            std::ranges::all_of(query.filters, [&](const naive_filter& filter) {
                return holds(filter.condition, id);
            })) {
            found.push_back(id);
        }
    }
    shown_ = 0;
    const auto order = whole_order(query);
    std::ranges::sort(found, [&](entity_id a, entity_id b) { return is_before(order, a, b); });
    return found;
}

timestamp world::moment() {
    const auto pick = static_cast<std::int64_t>(random_.pick(30));
    const timestamp whole = at_second(pick * 3'456'789);
    return from_microseconds(to_microseconds(whole) + (pick % 3) * 333'333);
}

std::string world::content() {
    std::string all = words[random_.pick(words.size())];
    for (std::size_t more = random_.pick(3); more > 0; --more) {
        all += random_.one_in(8) ? "" : " ";
        all += words[random_.pick(words.size())];
    }
    return all;
}

const std::string& world::some_text(const std::string& list, const std::string& field) {
    std::vector<const std::string*> there;
    for (const auto& [id, row] : rows_) {
        if (row.list == list) {
            there.push_back(&row.texts.at(field));
        }
    }
    static const std::string none;
    return there.empty() ? none : *there[random_.pick(there.size())];
}

entity_id world::some_id() {
    if (random_.one_in(8)) {
        return static_cast<entity_id>(random_.pick(2'000)) + 1;
    }
    return std::next(rows_.begin(), static_cast<std::ptrdiff_t>(random_.pick(rows_.size())))->first;
}

bool world::is_visible(entity_id id) const {
    const naive_row& row = rows_.at(id);
    return (!row.is_deleted || id == shown_) &&
           std::ranges::all_of(row.references,
                               [&](const auto& reference) { return is_visible(reference.second); });
}

bool world::is_listed(const naive_query& query, entity_id id) const {
    const naive_row& row = rows_.at(id);
    return is_visible(id) &&
           (!query.of_deleted || (row.is_deleted && row.references.at("author") == me));
}

std::vector<entity_id> world::step(entity_id from, const relation& along) const {
    if (along.by == nullptr) {
        return {rows_.at(from).references.at(along.name)};
    }
    std::vector<entity_id> found;
    for (const auto& [id, row] : rows_) {
        if (row.list == along.target && row.references.at(along.by) == from && is_visible(id) &&
            !row.is_deleted) {
            found.push_back(id);
        }
    }
    return found;
}

/// Where the path leads; zero stands for the null of a left join.
std::vector<entity_id> world::ends(entity_id from, const std::vector<relation>& path) const {
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
        // The same end again has nothing new to say.
        std::ranges::sort(next);
        const auto repeated = std::ranges::unique(next);
        next.erase(repeated.begin(), repeated.end());
        at = std::move(next);
    }
    return at;
}

bool world::holds(const naive_condition& of, entity_id id) const {
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

bool world::holds_at(const naive_test& test, entity_id end) const {
    if (test.lookup == "isnull") {
        return (end == 0) == test.wants_null;
    }
    if (end == 0) {
        return false;
    }
    return test.is_text ? holds_text(test, text(end, test.field))
                        : holds_number(test, number(end, test.field));
}

bool world::is_before(const std::vector<naive_order>& order, entity_id a, entity_id b) const {
    for (const naive_order& key : order) {
        const entity_id from = ends(a, key.path).front();
        const entity_id to = ends(b, key.path).front();
        if (key.is_text) {
            const int compared = text(from, key.field).compare(text(to, key.field));
            if (compared != 0) {
                return (compared < 0) != key.descending;
            }
        } else if (number(from, key.field) != number(to, key.field)) {
            return (number(from, key.field) < number(to, key.field)) != key.descending;
        }
    }
    return false;
}

std::int64_t world::number(entity_id id, const std::string& field) const {
    return field == "id" ? id : rows_.at(id).numbers.at(field);
}

const std::string& world::text(entity_id id, const std::string& field) const {
    return rows_.at(id).texts.at(field);
}

void world::add_users(kv::commit& commit) {
    for (entity_id id = 1; id <= users_count; ++id) {
        user row = make_user(id, "user" + std::to_string(id));
        row.name = content();
        auto& naive = add(commit, "users", row);
        naive.texts = {{"username", row.username}, {"name", row.name}};
        naive.numbers["post_count"] = count_for(commit, user_post_count_key(id), 1);
    }
}

void world::add_post(kv::commit& commit) {
    post row = make_post(take_id(), user_id());
    row.content = content();
    const auto files = make_files(row.id);
    // A post's row has those that are there; an index of posts is by their types.
    row.files.clear();
    std::ranges::copy_if(files, std::back_inserter(row.files),
                         [](const file& each) { return !each.is_deleted; });
    auto& naive = add(commit, "posts", row);
    naive.texts = {{"content", row.content}};
    naive.references = {{"author", row.author.id}};
    naive.numbers["like_count"] = count_for(commit, post_counts_key(row.id), one_like);
    naive.numbers["comment_count"] = count_for(commit, post_counts_key(row.id), one_comment);
    for (const file& each : files) {
        add_file(commit, each);
    }
    add_comments(commit, row.id);
    add_likes(commit, row.id);
}

std::vector<file> world::make_files(entity_id post) {
    std::vector<file> made;
    for (std::size_t count = random_.pick(3); count > 0; --count) {
        file row = make_post(take_id(), 1).files[0];
        row.post.id = post;
        row.width = static_cast<std::int64_t>(random_.pick(5));
        row.type = random_.one_in(2) ? "image" : "video";
        row.created_at = row.updated_at = moment();
        row.is_deleted = random_.one_in(5);
        made.push_back(std::move(row));
    }
    return made;
}

void world::add_file(kv::commit& commit, file row) {
    auto& naive = add(commit, "files", row);
    naive.texts = {{"type", row.type}};
    naive.references = {{"post", row.post.id}};
    naive.numbers["width"] = row.width;
    naive.numbers["position"] = row.position;
}

void world::add_comments(kv::commit& commit, entity_id post) {
    for (std::size_t count = random_.pick(4); count > 0; --count) {
        comment row = make_comment(take_id(), post, user_id());
        row.content = "c" + content();
        auto& naive = add(commit, "comments", row);
        naive.texts = {{"content", row.content}};
        naive.references = {{"post", post}, {"author", row.author.id}};
    }
}

void world::add_likes(kv::commit& commit, entity_id post) {
    for (entity_id who = 1; who <= users_count; ++who) {
        if (random_.one_in(3)) {
            like row = make_like(take_id(), post, who);
            add(commit, "likes", row).references = {{"post", post}, {"user", who}};
        }
    }
}

/// With a time of its own, and deleted or not.
template <class Row>
naive_row& world::add(kv::commit& commit, const char* list, Row& row) {
    // A post has copies of its files: they are made whole before it.
    if constexpr (!std::is_same_v<Row, file>) {
        row.created_at = row.updated_at = moment();
        row.is_deleted = row.id != me && random_.one_in(5);
    }
    append_create(commit, row);
    naive_row& naive = rows_[row.id];
    naive.list = list;
    naive.is_deleted = row.is_deleted;
    naive.numbers["created_at"] = to_microseconds(row.created_at);
    return naive;
}

std::int64_t world::count_for(kv::commit& commit, kv::key key, std::int64_t unit) {
    const auto count = static_cast<std::int64_t>(random_.pick(4));
    commit.operations.emplace_back(kv::add{std::move(key), count * unit});
    return count;
}

}  // namespace pinhole::storage::test
