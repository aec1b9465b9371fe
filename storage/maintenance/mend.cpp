#include "storage/maintenance/mend.hpp"

#include <algorithm>
#include <vector>

#include "storage/idempotency.hpp"
#include "storage/jobs.hpp"
#include "storage/maintenance/entry_check.hpp"
#include "storage/maintenance/owner_check.hpp"
#include "storage/ranking.hpp"

namespace pinhole::storage {

namespace {

using planned_mend = std::optional<mend>;

void append_check(kv::commit& commit, const kv::key& key, kv::stamp stamp) {
    commit.operations.emplace_back(kv::check{key, stamp});
}

kv::stamp stamp_of(const kv::reader& reader, const kv::key& key) {
    const auto found = reader.get(key);
    return found ? found->stamp : 0;
}

/// "… of post 10"
template <class Row>
std::string of_row(std::string text, entity_id id) {
    return text.append(" of ").append(name_of<Row>(id));
}

/// One that checks a key as it was seen and then does one thing.
mend make_mend(const kv::key& seen, kv::stamp stamp, kv::operation operation, std::string text) {
    mend made{.commit = {}, .text = std::move(text)};
    append_check(made.commit, seen, stamp);
    made.commit.operations.push_back(std::move(operation));
    return made;
}

template <class Row>
bool is_rank_number(std::uint8_t number) {
    bool is_rank = false;
    for_each_rank<Row>([&](const rank& r) { is_rank = is_rank || r.number == number; });
    return is_rank;
}

/// Whether the record of a row's ranks gives rise to this entry.
template <class Row>
bool is_due_rank(const kv::reader& reader, const kv::key& key) {
    const entity_id id = id_of_index_key(key.bytes);
    const auto ranked = find_ranked<Row>(reader, id);
    bool is_due = false;
    std::size_t at = 0;
    for_each_rank<Row>([&](const rank& r) {
        is_due = is_due || (ranked && rank_key(r.number, (*ranked)[at++], id) == key);
    });
    return is_due;
}

/// The ranker may be at work on the same row: it changes the record whenever it moves an entry.
template <class Row>
planned_mend mend_rank_entry(const kv::reader& reader, const finding& found) {
    const entity_id id = id_of_index_key(found.key.bytes);
    const kv::key record = ranked_key<Row>(id);
    const auto entry = reader.get(found.key);
    const bool is_due = is_due_rank<Row>(reader, found.key);
    const bool is_right = is_due ? entry && entry->value.empty() : !entry;
    if (is_right) {
        return std::nullopt;
    }
    return make_mend(
        record, stamp_of(reader, record),
        is_due ? kv::operation{kv::put{found.key, {}}} : kv::operation{kv::erase{found.key}},
        of_row<Row>((is_due ? "puts the entry " : "removes the stray entry ") +
                        describe(found.key) + " of the ranks",
                    id));
}

template <class Row>
planned_mend mend_entry(const kv::reader& reader, const finding& found) {
    const auto number = static_cast<std::uint8_t>(found.key.bytes.front());
    if constexpr (has_ranks<Row>) {
        if (found.key.family == families::index && is_rank_number<Row>(number)) {
            return mend_rank_entry<Row>(reader, found);
        }
        if (found.key.family == families::index && number == schema<Row>::ranked_number) {
            if (look_up<Row>(reader, found.key.part).presence != presence::absent) {
                return std::nullopt;
            }
            // The ranker takes the record away, and the entries with it.
            mend made{.commit = {},
                      .text = of_row<Row>("has the ranks taken away", found.key.part)};
            append_check(made.commit, row_key<Row>(found.key.part), 0);
            append_unranked<Row>(made.commit, found.key.part);
            return made;
        }
    }
    const entity_id id = id_of_index_key(found.key.bytes);
    const auto row = look_up<Row>(reader, id);
    if (row.presence == presence::damaged) {
        return std::nullopt;
    }
    const auto due = row.is_sound() ? due_value(row.row, found.key) : std::nullopt;
    const auto entry = reader.get(found.key);
    if ((!due && !entry) || (due && entry && entry->value == *due)) {
        return std::nullopt;
    }
    const std::string what = "the index entry " + describe(found.key);
    return make_mend(
        row_key<Row>(id), row.stamp,
        due ? kv::operation{kv::put{found.key, *due}} : kv::operation{kv::erase{found.key}},
        of_row<Row>((due ? (entry ? "sets right " : "puts ") : "removes ") + what, id));
}

/// An entry that no entity declares: of an idempotency record, or of nothing.
planned_mend mend_other_entry(const kv::reader& reader, const finding& found) {
    const auto entry = reader.get(found.key);
    const bool is_expiry =
        found.key.family == families::index && !found.key.bytes.empty() &&
        static_cast<std::uint8_t>(found.key.bytes.front()) == idempotency_expiry_index;
    const std::string what = "the entry " + describe(found.key);
    kv::key record;
    try {
        record = is_expiry ? record_of_expiry_key(found.key.bytes) : kv::key{};
    } catch (const corrupt_row&) {
        record = {};
    }
    if (record.bytes.empty()) {
        if (!entry) {
            return std::nullopt;
        }
        mend made{.commit = {}, .text = "removes " + what + " of no index"};
        if (found.key.family != families::terms) {  // those have no stamps
            append_check(made.commit, found.key, entry->stamp);
        }
        made.commit.operations.emplace_back(kv::erase{found.key});
        return made;
    }
    const auto owner = reader.get(record);
    const bool is_due = owner && expiry_key_of_record(record.bytes, owner->value) == found.key;
    if (is_due == entry.has_value()) {
        return std::nullopt;
    }
    return make_mend(
        record, owner ? owner->stamp : 0,
        is_due ? kv::operation{kv::put{found.key, {}}} : kv::operation{kv::erase{found.key}},
        (is_due ? "puts " : "removes ") + what + " of an idempotency record");
}

template <class Row>
planned_mend mend_due_unique(const kv::reader& reader, const finding& found) {
    const auto row = look_up<Row>(reader, found.id);
    planned_mend made;
    for_each_unique<Row>([&](const auto& u) {
        if (!row.is_sound() || unique_key(u, row.row) != found.key) {
            return;
        }
        const std::string right = encode_unique_entry({row.row.id, !row.row.is_deleted});
        const auto entry = reader.get(found.key);
        if (entry && entry->value == right) {
            return;
        }
        const auto said = entry ? parse_unique_entry(entry->value) : std::nullopt;
        const looked_up<Row> holder = said ? look_up<Row>(reader, said->id) : looked_up<Row>{};
        // Another row's, if it says so itself.
        if (holder.presence == presence::damaged ||
            (holder.is_sound() && holder.row.id != found.id &&
             unique_key(u, holder.row) == found.key)) {
            return;
        }
        made =
            make_mend(row_key<Row>(found.id), row.stamp, kv::put{found.key, right},
                      of_row<Row>("sets right the unique entry " + std::string{u.name}, found.id));
        append_check(made->commit, found.key, entry ? entry->stamp : 0);
        std::ranges::rotate(made->commit.operations, made->commit.operations.end() - 1);
    });
    return made;
}

template <class Row>
planned_mend mend_stray_unique(const kv::reader& reader, const finding& found) {
    const auto entry = reader.get(found.key);
    if (!entry) {
        return std::nullopt;
    }
    mend made{.commit = {}, .text = "removes the unique entry " + describe(found.key)};
    append_check(made.commit, found.key, entry->stamp);
    // One that says nothing is nobody's.
    if (const auto said = parse_unique_entry(entry->value)) {
        const auto row = look_up<Row>(reader, said->id);
        bool is_due = row.presence == presence::damaged;
        for_each_unique<Row>([&](const auto& u) {
            is_due = is_due || (row.is_sound() && unique_key(u, row.row) == found.key);
        });
        if (is_due) {
            return std::nullopt;
        }
        append_check(made.commit, row_key<Row>(said->id), row.stamp);
    }
    made.commit.operations.emplace_back(kv::erase{found.key});
    return made;
}

template <class Row>
planned_mend mend_rank(const kv::reader& reader, const finding& found) {
    if constexpr (has_ranks<Row>) {
        const auto row = look_up<Row>(reader, found.id);
        if (!row.is_sound()) {
            return std::nullopt;
        }
        mend made{.commit = {}, .text = of_row<Row>("has the ranks made anew", found.id)};
        append_check(made.commit, row_key<Row>(found.id), row.stamp);
        const kv::key record = ranked_key<Row>(found.id);
        try {
            (void)find_ranked<Row>(reader, found.id);
        } catch (const corrupt_row&) {
            append_check(made.commit, record, stamp_of(reader, record));
            made.commit.operations.emplace_back(kv::erase{record});
        }
        append_unranked<Row>(made.commit, found.id);
        return made;
    } else {
        return std::nullopt;
    }
}

/// Calls `function` with the alive rows of an index that is scoped by their parent.
/// Errors: throws corrupt_row if one of them cannot be read.
template <class Row, class Function>
void for_each_child(const kv::reader& reader, entity_id parent, std::uint8_t index,
                    const Function& function) {
    const row_reader rows{reader};
    std::string last;
    for (;;) {
        const auto entries = scan_index(reader, {.part = parent,
                                                 .prefix = index_prefix(index, true),
                                                 .beyond = last,
                                                 .limit = rows_per_walk});
        for (const auto& child : rows.find_many<Row>(ids_of(entries))) {
            if (child) {
                function(*child);
            }
        }
        if (entries.size() < rows_per_walk) {
            return;
        }
        last = entries.back().key;
    }
}

/// Every commit changes a counter together with what it counts, so the difference between them is
/// the same in every state: it may be added at any time, blindly.
planned_mend mend_counter(const kv::reader& reader, const finding& found) {
    mend made{.commit = {}, .text = {}};
    if (found.entity == schema<post>::name) {
        std::int64_t counted = 0;
        const auto count = [&](const auto& child) {
            counted += child.row.is_counted ? unit_of(child.row) : 0;
        };
        for_each_child<like>(reader, found.id, index_number<like>("post"), count);
        for_each_child<comment>(reader, found.id, index_number<comment>("post"), count);
        const std::int64_t delta = counted - reader.counter(post_counts_key(found.id));
        if (delta == 0) {
            return std::nullopt;
        }
        append_post_counts(made.commit, found.id, delta);
        made.text = of_row<post>("sets right the counts", found.id);
        return made;
    }
    std::int64_t counted = 0;
    for_each_child<post>(reader, found.id, index_number<post>("author"),
                         [&](const stored<post>& /*child*/) { ++counted; });
    const std::int64_t delta = counted - reader.counter(user_post_count_key(found.id));
    if (delta == 0) {
        return std::nullopt;
    }
    append_user_post_count(made.commit, found.id, delta);
    made.text = of_row<user>("sets right the count of posts", found.id);
    return made;
}

template <class Row>
planned_mend mend_stray_counter(const kv::reader& reader, const finding& found) {
    if (look_up<Row>(reader, found.id).presence != presence::absent) {
        return std::nullopt;
    }
    return make_mend(row_key<Row>(found.id), 0, kv::erase{found.key},
                     "removes the counter of " + name_of<Row>(found.id) + ", which is not there");
}

template <class Row>
planned_mend mend_counted(const kv::reader& reader, const looked_up<Row>& row, entity_id who) {
    const auto account = look_up<user>(reader, who);
    const bool is_settling =
        !row.row.is_deleted && find_job(reader, {job_kind::settle_counts, who}).has_value();
    const bool should_count = !row.row.is_deleted && !account.row.is_deleted;
    if (!account.is_sound() || is_settling || row.row.is_counted == should_count) {
        return std::nullopt;
    }
    mend made{.commit = {},
              .text = (should_count ? "counts " : "does not count ") + name_of<Row>(row.row.id)};
    append_check(made.commit, row_key<user>(who), account.stamp);
    Row changed = row.row;
    changed.is_counted = should_count;
    append_update(made.commit, stored<Row>{row.row, row.stamp}, changed);
    append_post_counts(made.commit, changed.post.id,
                       should_count ? unit_of(changed) : -unit_of(changed));
    return made;
}

planned_mend mend_files(const kv::reader& reader, const finding& found) {
    const auto row = look_up<post>(reader, found.id);
    if (!row.is_sound()) {
        return std::nullopt;
    }
    for (const file& copy : row.row.files) {
        if (look_up<file>(reader, copy.id).presence != presence::sound) {
            return std::nullopt;  // the copy is all that is left of it
        }
    }
    mend made{.commit = {}, .text = of_row<post>("makes anew the copy of the files", found.id)};
    post changed = row.row;
    changed.files.clear();
    for_each_child<file>(reader, found.id, index_number<file>("post"),
                         [&](const stored<file>& child) {
                             append_check(made.commit, row_key<file>(child.row.id), child.stamp);
                             changed.files.push_back(child.row);
                         });
    std::ranges::sort(changed.files, {}, &file::position);
    if (std::ranges::equal(changed.files, row.row.files, {}, encode_row<file>, encode_row<file>)) {
        return std::nullopt;
    }
    append_update(made.commit, stored<post>{row.row, row.stamp}, changed);
    return made;
}

template <class Row>
planned_mend mend_of(const kv::reader& reader, const finding& found) {
    switch (found.kind) {
        case finding_kind::missing_entry:
        case finding_kind::wrong_entry:
        case finding_kind::stray_entry:
            return mend_entry<Row>(reader, found);
        case finding_kind::missing_unique:
        case finding_kind::wrong_unique:
            return mend_due_unique<Row>(reader, found);
        case finding_kind::stray_unique:
            return mend_stray_unique<Row>(reader, found);
        case finding_kind::wrong_rank:
            return mend_rank<Row>(reader, found);
        case finding_kind::wrong_counter:
            return mend_counter(reader, found);
        case finding_kind::stray_counter:
            return mend_stray_counter<Row>(reader, found);
        case finding_kind::wrong_files:
            return mend_files(reader, found);
        default:
            return std::nullopt;
    }
}

planned_mend mend_is_counted(const kv::reader& reader, const finding& found) {
    if (found.entity == schema<like>::name) {
        const auto row = look_up<like>(reader, found.id);
        return row.is_sound() ? mend_counted(reader, row, row.row.user.id) : std::nullopt;
    }
    const auto row = look_up<comment>(reader, found.id);
    return row.is_sound() ? mend_counted(reader, row, row.row.author.id) : std::nullopt;
}

}  // namespace

std::optional<mend> plan_mend(const kv::reader& reader, const finding& found) {
    if (found.kind == finding_kind::wrong_counted) {
        return mend_is_counted(reader, found);
    }
    if (found.entity.empty()) {
        return found.kind == finding_kind::stray_entry || found.kind == finding_kind::missing_entry
                   ? mend_other_entry(reader, found)
                   : std::nullopt;
    }
    planned_mend made;
    for_each_entity([&]<class Row>(std::type_identity<Row>) {
        if (found.entity == schema<Row>::name) {
            made = mend_of<Row>(reader, found);
        }
    });
    return made;
}

}  // namespace pinhole::storage
