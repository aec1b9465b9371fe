#include "storage/query/evaluator.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

#include "storage/kv/key_codec.hpp"

namespace pinhole::storage::query {

namespace {

constexpr std::uint32_t children_at_first = 2;
constexpr std::uint32_t children_growth = 8;
constexpr std::uint32_t children_per_read = 64;
/// A relation may lead to very many rows, and each of them to its parents.
constexpr std::size_t parents_remembered_max = 4096;

template <class Row>
std::vector<std::optional<any_row>> find_typed(const row_reader& rows,
                                               std::span<const entity_id> ids) {
    std::vector<std::optional<any_row>> found;
    found.reserve(ids.size());
    for (auto& each : rows.find_many<Row>(ids)) {
        found.push_back(each ? std::optional<any_row>{std::move(each->row)} : std::nullopt);
    }
    return found;
}

void append_sort_value(kv::key_writer& out, const value_view& value) {
    std::visit(
        [&out]<class Value>(const Value& of) {
            if constexpr (std::is_same_v<Value, std::string_view>) {
                out.append_string(of);
            } else if constexpr (std::is_same_v<Value, bool>) {
                out.append_u8(of ? 1 : 0);
            } else if constexpr (std::is_same_v<Value, timestamp>) {
                out.append_i64(to_microseconds(of));
            } else {
                out.append_i64(of);
            }
        },
        value);
}

/// Who wrote or liked, and the post that it hangs under; zero where there is none.
struct parents {
    entity_id person = 0;
    entity_id post = 0;
};

parents parents_of(const any_row& row) {
    return std::visit(
        []<class Row>(const Row& of) -> parents {
            if constexpr (std::is_same_v<Row, post>) {
                return {.person = of.author.id, .post = 0};
            } else if constexpr (std::is_same_v<Row, file>) {
                return {.person = 0, .post = of.post.id};
            } else if constexpr (std::is_same_v<Row, comment>) {
                return {.person = of.author.id, .post = of.post.id};
            } else if constexpr (std::is_same_v<Row, like>) {
                return {.person = of.user.id, .post = of.post.id};
            } else {
                return {};
            }
        },
        row);
}

}  // namespace

entity_id id_of(const any_row& row) {
    return std::visit([](const auto& of) { return of.id; }, row);
}

entity entity_of(const any_row& row) {
    return static_cast<entity>(row.index());
}

std::vector<std::optional<any_row>> find_rows(row_reader& rows, entity which,
                                              std::span<const entity_id> ids) {
    switch (which) {
        case entity::user:
            return find_typed<user>(rows, ids);
        case entity::post:
            return find_typed<post>(rows, ids);
        case entity::file:
            return find_typed<file>(rows, ids);
        case entity::comment:
            return find_typed<comment>(rows, ids);
        case entity::like:
            return find_typed<like>(rows, ids);
    }
    std::unreachable();
}

void evaluator::load_parents(std::span<const any_row> batch) {
    std::vector<entity_id> people;
    std::vector<entity_id> posts;
    for (const any_row& row : batch) {
        const parents above = parents_of(row);
        if (above.person != 0) {
            people.push_back(above.person);
        }
        if (above.post != 0) {
            posts.push_back(above.post);
        }
    }
    rows_.load_posts(posts);
    for (const entity_id id : posts) {
        if (const auto author = rows_.author_of(id)) {
            people.push_back(*author);
        }
    }
    rows_.load_users(people);
}

void evaluator::load_people(std::span<const any_row> batch) {
    std::vector<entity_id> people;
    for (const any_row& row : batch) {
        if (const entity_id person = parents_of(row).person; person != 0) {
            people.push_back(person);
        }
    }
    rows_.load_users(people);
}

bool evaluator::is_itself_there(const any_row& row) const {
    return rows_.sees_deleted() || !std::visit([](const auto& of) { return of.is_deleted; }, row);
}

bool evaluator::is_visible_beside(entity referred, const any_row& row) {
    if (!is_itself_there(row)) {
        return false;
    }
    const parents above = parents_of(row);
    return referred == entity::user
               ? above.post == 0 || rows_.visible_post(above.post) != nullptr
               : above.person == 0 || rows_.alive_user(above.person) != nullptr;
}

bool evaluator::is_visible(const any_row& row) {
    if (!is_itself_there(row)) {
        return false;
    }
    const parents above = parents_of(row);
    return (above.person == 0 || rows_.alive_user(above.person) != nullptr) &&
           (above.post == 0 || rows_.visible_post(above.post) != nullptr);
}

bool evaluator::holds(const condition& of, const any_row& row) {
    const auto holds_here = [&](const condition& part) { return holds(part, row); };
    switch (of.what) {
        case condition::kind::all:
            return std::ranges::all_of(of.parts, holds_here);
        case condition::kind::any:
            return std::ranges::any_of(of.parts, holds_here);
        case condition::kind::negation:
            return !holds_here(of.parts.front());
        case condition::kind::test:
            return holds(*of.leaf, row);
    }
    std::unreachable();
}

bool evaluator::could_hold(const condition& of, const any_row& row) {
    const auto could_here = [&](const condition& part) { return could_hold(part, row); };
    switch (of.what) {
        case condition::kind::all:
            return std::ranges::all_of(of.parts, could_here);
        case condition::kind::any:
            return std::ranges::any_of(of.parts, could_here);
        case condition::kind::negation: {
            const condition& denied = of.parts.front();
            return denied.what != condition::kind::test || !says_by_itself(*denied.leaf, row) ||
                   !holds(*denied.leaf, row);
        }
        case condition::kind::test:
            return !says_by_itself(*of.leaf, row) || holds(*of.leaf, row);
    }
    std::unreachable();
}

bool evaluator::says_by_itself(const test& of, const any_row& row) const {
    const auto& relations = of.path.relations;
    if (of.path.field->get == nullptr) {
        return false;
    }
    return relations.empty() || (relations.size() == 1 && has_copies(*relations.front(), row));
}

/// A post has a copy of its alive files, so that nothing has to be read.
bool evaluator::has_copies(const relation_entry& relation, const any_row& parent) const {
    return relation.target == entity::file && std::holds_alternative<post>(parent) &&
           !rows_.sees_deleted();
}

bool evaluator::holds(const test& of, const any_row& row) {
    if (of.predicate) {
        return holds_along(of, 0, row);
    }
    return of.wants_null ? leads_nowhere(of, 0, row) : holds_along(of, 0, row);
}

bool evaluator::holds_along(const test& of, std::size_t step, const any_row& row) {
    if (step == of.path.relations.size()) {
        return !of.predicate || holds_of(*of.predicate, read(*of.path.field, row));
    }
    const relation_entry& relation = *of.path.relations[step];
    const bool is_last = step + 1 == of.path.relations.size();
    if (!relation.is_backward) {
        // What the row refers to is there, since the row is.
        return is_last && of.path.field->kind == field_kind::id
                   ? !of.predicate || of.predicate->holds(relation.get(row))
                   : holds_along(of, step + 1, target_of(relation, row));
    }
    bool is_answered = false;
    const bool has_it = has_the_like(of, step, row, is_answered);
    return is_answered ? has_it : any_child(relation, row, [&](const any_row& child) {
        return holds_along(of, step + 1, child);
    });
}

bool evaluator::holds_of(const predicate& asked, const value_view& of) {
    const auto* text = std::get_if<std::string_view>(&of);
    if (text == nullptr) {
        return asked.holds(of);
    }
    const auto ns_per_byte = asked.is_pattern() ? ns_per_pattern_byte : ns_per_text_byte;
    budget_.spend_time(ns_per_byte * static_cast<std::int64_t>(text->size()));
    return asked.holds(of);
}

/// A post and a user have one like between them, which is found without a walk.
bool evaluator::has_the_like(const test& of, std::size_t step, const any_row& row,
                             bool& is_answered) {
    const auto& relations = of.path.relations;
    if (relations[step]->target != entity::like || step + 2 != relations.size() ||
        of.path.field->kind != field_kind::id || !of.predicate ||
        of.predicate->which() != lookup::exact || relations[step + 1]->is_backward ||
        relations[step + 1]->target == entity_of(row)) {
        return false;
    }
    is_answered = true;
    const auto other = std::get<std::int64_t>(of.predicate->operands().front());
    const bool is_post = entity_of(row) == entity::post;
    const auto entry = rows_.find_unique(is_post ? like_unique_key(id_of(row), other)
                                                 : like_unique_key(other, id_of(row)));
    return entry && (entry->alive || rows_.sees_deleted()) &&
           (is_post ? rows_.alive_user(other) != nullptr : rows_.visible_post(other) != nullptr);
}

bool evaluator::leads_nowhere(const test& of, std::size_t step, const any_row& row) {
    if (step == of.path.relations.size()) {
        return false;
    }
    const relation_entry& relation = *of.path.relations[step];
    if (!relation.is_backward) {
        return leads_nowhere(of, step + 1, target_of(relation, row));
    }
    // As a left join: nothing there is null, and so is what any of those there leads to.
    bool is_empty = true;
    const bool any_null = any_child(relation, row, [&](const any_row& child) {
        is_empty = false;
        return step + 1 == of.path.relations.size() || leads_nowhere(of, step + 1, child);
    });
    return is_empty || (step + 1 < of.path.relations.size() && any_null);
}

template <class Found>
bool evaluator::any_child(const relation_entry& relation, const any_row& parent,
                          const Found& found) {
    if (has_copies(relation, parent)) {
        return std::ranges::any_of(std::get<post>(parent).files,
                                   [&](const file& each) { return found(any_row{each}); });
    }
    return any_child(relation, parent, true, found) ||
           (rows_.sees_deleted() && any_child(relation, parent, false, found));
}

template <class Found>
bool evaluator::any_child(const relation_entry& relation, const any_row& parent, bool alive,
                          const Found& found) {
    const entity_id part = id_of(parent);
    std::string beyond;
    // Often the first one answers.
    for (std::uint32_t limit = children_at_first;;
         limit = std::min(limit * children_growth, children_per_read)) {
        rows_.forget_beyond(parents_remembered_max);
        const auto entries = scan_index(rows_.raw(), {.part = part,
                                                      .prefix = index_prefix(relation.index, alive),
                                                      .beyond = beyond,
                                                      .limit = limit});
        std::vector<any_row> batch;
        for (auto& child : find_rows(rows_, relation.target, ids_of(entries))) {
            if (child) {
                batch.push_back(std::move(*child));
            }
        }
        load_parents(batch);
        for (const any_row& child : batch) {
            if (is_visible(child) && found(child)) {
                return true;
            }
        }
        if (entries.size() < limit) {
            return false;
        }
        beyond = entries.back().key;
    }
}

any_row evaluator::target_of(const relation_entry& relation, const any_row& row) {
    const entity_id id = relation.get(row);
    if (relation.target == entity::user) {
        const auto* found = rows_.alive_user(id);
        assert(found != nullptr);
        return found->row;
    }
    const auto* found = rows_.visible_post(id);
    assert(found != nullptr);
    return found->row;
}

value_view evaluator::read(const field_entry& field, const any_row& row) {
    if (field.get != nullptr) {
        return field.get(row);
    }
    if (entity_of(row) == entity::user) {
        return rows_.raw().counter(user_post_count_key(id_of(row)));
    }
    const post_counts counts = unpack_post_counts(rows_.raw().counter(post_counts_key(id_of(row))));
    return field.name == "like_count" ? counts.likes : counts.comments;
}

std::string evaluator::sort_key(std::span<const order_key> order, const any_row& row) {
    std::string whole;
    for (const order_key& key : order) {
        kv::key_writer out;
        const any_row* at = &row;
        any_row target;
        for (const relation_entry* relation : key.path.relations) {
            target = target_of(*relation, *at);
            at = &target;
        }
        append_sort_value(out, read(*key.path.field, *at));
        std::string bytes = out.take();
        if (key.descending) {
            for (char& byte : bytes) {
                byte = static_cast<char>(~static_cast<unsigned char>(byte));
            }
        }
        whole += bytes;
    }
    return whole;
}

}  // namespace pinhole::storage::query
