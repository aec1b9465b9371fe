#include "storage/maintenance/entry_check.hpp"

#include <optional>

#include "storage/base/text.hpp"
#include "storage/idempotency.hpp"
#include "storage/ranking.hpp"

namespace pinhole::storage {

namespace {

constexpr std::array entry_families{families::index, families::terms, families::unique};

std::uint8_t number_of(const kv::key& key) {
    return key.bytes.empty() ? 0 : static_cast<std::uint8_t>(key.bytes.front());
}

template <class Row>
bool is_mark_of(std::uint8_t number) {
    if constexpr (has_ranks<Row>) {
        return number == schema<Row>::unranked_number;
    } else {
        return false;
    }
}

/// What a record of ranks gives rise to; nothing if it is damaged: the check of the row says so.
template <class Row, class Function>
void for_each_rank_entry(entity_id id, std::string_view record, const Function& function) {
    std::vector<std::int64_t> ranked;
    try {
        ranked = decode_ranked(record, schema<Row>::ranks.size());
    } catch (const corrupt_row&) {
        return;
    }
    std::size_t at = 0;
    for_each_rank<Row>([&](const rank& r) { function(rank_key(r.number, ranked[at++], id)); });
}

template <class Row, class Function>
void for_each_rank_entry(const kv::reader& reader, entity_id id, const Function& function) {
    if (const auto record = reader.get(ranked_key<Row>(id))) {
        for_each_rank_entry<Row>(id, record->value, function);
    }
}

}  // namespace

bool is_rank_mark(const kv::key& key) {
    bool is_mark = false;
    if (key.family == families::index) {
        for_each_entity([&]<class Row>(std::type_identity<Row>) {
            is_mark = is_mark || is_mark_of<Row>(number_of(key));
        });
    }
    return is_mark;
}

std::string describe(const kv::key& key) {
    return "part " + std::to_string(key.part) + " key " + to_hex(as_octets(key.bytes));
}

void entry_check::add_due(const kv::key& key, std::string_view value) {
    const std::uint64_t where = hash_of(key);
    sums_.add_due(where, spread_bits(where ^ hash_of(value)));
}

template <class Row>
void entry_check::add_row(const Row& row, const std::optional<kv::value_with_stamp>& ranked) {
    for_each_due_entry(row,
                       [this](const kv::key& key, std::string_view value) { add_due(key, value); });
    for_each_unique<Row>([&](const auto& u) {
        add_due(unique_key(u, row), encode_unique_entry({row.id, !row.is_deleted}));
    });
    if constexpr (has_ranks<Row>) {
        if (ranked) {
            add_due(ranked_key<Row>(row.id), ranked->value);
            for_each_rank_entry<Row>(row.id, ranked->value,
                                     [this](const kv::key& key) { add_due(key, {}); });
        }
    }
}

using ranked_record = std::optional<kv::value_with_stamp>;
template void entry_check::add_row<user>(const user&, const ranked_record&);
template void entry_check::add_row<post>(const post&, const ranked_record&);
template void entry_check::add_row<file>(const file&, const ranked_record&);
template void entry_check::add_row<comment>(const comment&, const ranked_record&);
template void entry_check::add_row<like>(const like&, const ranked_record&);
template void entry_check::add_row<session>(const session&, const ranked_record&);

void entry_check::add_record(const kv::key& record, std::string_view value) {
    add_due(expiry_key_of_record(record.bytes, value), {});
}

std::size_t entry_check::find_differences() {
    for_each_entity([this]<class Row>(std::type_identity<Row>) {
        if constexpr (has_ranks<Row>) {
            add_ranks_of_gone_rows<Row>();
        }
    });
    add_seen();
    if (sums_.differs()) {
        for_each_entity([this]<class Row>(std::type_identity<Row>) { find_missing<Row>(); });
        find_missing_of_records();
        find_strays();
    }
    return entries_;
}

/// A purge leaves ranks to the ranker. Without these the sums would differ after every large one,
/// and all would be walked again, only to find nothing.
template <class Row>
void entry_check::add_ranks_of_gone_rows() {
    for (const entity_id id : marks_.of<Row>()) {
        const kv::key record = ranked_key<Row>(id);
        const auto ranked = reader_.get(record);
        if (!ranked || look_up<Row>(reader_, id).presence != presence::absent) {
            continue;
        }
        add_due(record, ranked->value);
        for_each_rank_entry<Row>(id, ranked->value,
                                 [this](const kv::key& key) { add_due(key, {}); });
    }
}

/// All but the marks, which come and go by themselves.
void entry_check::add_seen() {
    for (const kv::family_id family : entry_families) {
        walk_family(reader_, family, [&](std::span<const kv::located_row> batch) {
            watch_.advance({.phase = "indexes", .done = entries_});
            for (const kv::located_row& each : batch) {
                const kv::key key{each.part, family, each.row.key};
                ++entries_;
                if (is_rank_mark(key)) {
                    continue;
                }
                const std::uint64_t where = hash_of(key);
                const std::uint64_t what = spread_bits(where ^ hash_of(each.row.value));
                sums_.add_seen(where, what);
            }
        });
    }
}

template <class Row>
void entry_check::find_missing() {
    std::uint64_t done = 0;
    walk_rows<Row>(reader_, [&](const stored<Row>& found) {
        if (++done % rows_per_walk == 0) {
            watch_.advance({.phase = "missing entries", .done = done});
        }
        find_missing_of(found.row);
    });
}

template <class Row>
void entry_check::find_missing_of(const Row& row) {
    const auto judge = [&](const kv::key& key, std::string_view value) {
        judge_due(schema<Row>::name, row.id, name_of<Row>(row.id), key, value);
    };
    for_each_due_entry(row, judge);
    for_each_unique<Row>([&](const auto& u) { judge_due_unique(row, u); });
    if constexpr (has_ranks<Row>) {
        for_each_rank_entry<Row>(reader_, row.id, [&](const kv::key& key) { judge(key, {}); });
    }
}

void entry_check::judge_due(std::string_view entity, entity_id id, const std::string& name,
                            const kv::key& key, std::string_view value) {
    if (!sums_.differs(hash_of(key))) {
        return;
    }
    const auto found = reader_.get(key);
    if (found && found->value == value) {
        return;
    }
    report_({.kind = found ? finding_kind::wrong_entry : finding_kind::missing_entry,
             .entity = entity,
             .id = id,
             .key = key,
             .message = found ? name + " is not what its index entry says: " + describe(key)
                              : name + " lacks its index entry " + describe(key)});
}

template <class Row, class Unique>
void entry_check::judge_due_unique(const Row& row, const Unique& unique) {
    const kv::key key = unique_key(unique, row);
    if (!sums_.differs(hash_of(key))) {
        return;
    }
    const auto found = reader_.get(key);
    const auto entry = found ? parse_unique_entry(found->value) : std::nullopt;
    if (entry && entry->id == row.id && entry->alive == !row.is_deleted) {
        return;
    }
    claimed_.emplace(key.part, key.bytes);
    finding problem{
        .kind = finding_kind::missing_unique,
        .entity = schema<Row>::name,
        .id = row.id,
        .key = key,
        .message = name_of<Row>(row.id) + " lacks its unique entry " + std::string{unique.name}};
    if (found) {
        const auto other =
            entry && entry->id != row.id ? look_up<Row>(reader_, entry->id) : looked_up<Row>{};
        const bool is_shared = other.presence == presence::damaged ||
                               (other.is_sound() && unique_key(unique, other.row) == key);
        problem.kind = is_shared ? finding_kind::shared_unique : finding_kind::wrong_unique;
        problem.message = name_of<Row>(row.id) +
                          (is_shared ? " has the same " : " is not what its unique entry ") +
                          std::string{unique.name} +
                          (is_shared ? " as " + name_of<Row>(entry->id) : std::string{" says"});
    }
    report_(std::move(problem));
}

void entry_check::find_missing_of_records() {
    walk_family(reader_, families::idempotency, [this](std::span<const kv::located_row> batch) {
        for (const kv::located_row& each : batch) {
            try {
                judge_due({}, 0, "an idempotency record",
                          expiry_key_of_record(each.row.key, each.row.value), {});
            } catch (const corrupt_row&) {
                continue;  // reported where the records are walked
            }
        }
    });
}

void entry_check::find_strays() {
    std::uint64_t done = 0;
    for (const kv::family_id family : entry_families) {
        walk_family(reader_, family, [&](std::span<const kv::located_row> batch) {
            watch_.advance({.phase = "stray entries", .done = done, .total = entries_});
            done += batch.size();
            for (const kv::located_row& each : batch) {
                const kv::key key{each.part, family, each.row.key};
                if (is_rank_mark(key) || !sums_.differs(hash_of(key))) {
                    continue;
                }
                family == families::unique ? judge_unique(key, each.row.value) : judge_entry(key);
            }
        });
    }
}

void entry_check::report_stray(std::string_view entity, entity_id id, const kv::key& key,
                               std::string_view what) {
    std::string message = "an entry of index ";
    message.append(what).append(" of ").append(entity);
    report_({.kind = finding_kind::stray_entry,
             .entity = entity,
             .id = id,
             .key = key,
             .message = message + " without its row: " + describe(key)});
}

void entry_check::judge_entry(const kv::key& key) {
    bool is_known = false;
    try {
        for_each_entity([&]<class Row>(std::type_identity<Row>) {
            is_known = is_known || judge_entry_of<Row>(key);
        });
        if (key.family == families::index && number_of(key) == idempotency_expiry_index) {
            is_known = true;
            judge_expiry(key);
        }
    } catch (const corrupt_row&) {
        is_known = false;
    }
    if (!is_known) {
        report_({.kind = finding_kind::stray_entry,
                 .key = key,
                 .message = "an entry of an index that nobody declares: " + describe(key)});
    }
}

/// Whether the index is one of this entity's. Reports an entry that no row gives rise to.
template <class Row>
bool entry_check::judge_entry_of(const kv::key& key) {
    const std::uint8_t number = number_of(key);
    std::string_view what;
    if (key.family == families::index) {
        for_each_index<Row>([&](const auto& i) { what = i.number == number ? i.name : what; });
    } else {
        for_each_inverted<Row>(
            [&](const inverted_index<Row>& i) { what = i.number == number ? i.path : what; });
    }
    if (!what.empty()) {
        const entity_id id = id_of_index_key(key.bytes);
        const auto found = look_up<Row>(reader_, id);
        if (found.presence == presence::absent ||
            (found.is_sound() && !due_value(found.row, key))) {
            report_stray(schema<Row>::name, id, key, what);
        }
        return true;
    }
    bool is_mine = false;
    if constexpr (has_ranks<Row>) {
        if (key.family == families::index) {
            const bool is_record = number == schema<Row>::ranked_number;
            is_mine = is_record;
            for_each_rank<Row>([&](const rank& r) { is_mine = is_mine || r.number == number; });
            if (is_mine) {
                judge_rank_of<Row>(key, is_record);
            }
        }
    }
    return is_mine;
}

/// An entry stands by its record, and the record by its row; of a row that is gone, both stay until
/// the ranker comes to the mark.
template <class Row>
void entry_check::judge_rank_of(const kv::key& key, bool is_record) {
    const entity_id id = is_record ? key.part : id_of_index_key(key.bytes);
    bool is_due = false;
    if (is_record) {
        is_due = look_up<Row>(reader_, id).presence != presence::absent || marks_.has<Row>(id);
    } else {
        for_each_rank_entry<Row>(reader_, id,
                                 [&](const kv::key& due) { is_due = is_due || due == key; });
    }
    if (!is_due) {
        report_stray(schema<Row>::name, id, key, is_record ? "ranked" : "ranks");
    }
}

void entry_check::judge_expiry(const kv::key& key) {
    const kv::key record = record_of_expiry_key(key.bytes);
    const auto found = reader_.get(record);
    bool is_due = false;
    if (found) {
        try {
            is_due = expiry_key_of_record(record.bytes, found->value) == key;
        } catch (const corrupt_row&) {
            is_due = true;  // who knows
        }
    }
    if (!is_due) {
        report_({.kind = finding_kind::stray_entry,
                 .key = key,
                 .message = "an expiry entry without its idempotency record: " + describe(key)});
    }
}

void entry_check::judge_unique(const kv::key& key, std::string_view value) {
    const auto entry = parse_unique_entry(value);
    std::string_view entity;
    bool may_be_due = false;
    for_each_entity([&]<class Row>(std::type_identity<Row>) {
        for_each_unique<Row>([&](const auto& u) {
            if (u.number != number_of(key)) {
                return;
            }
            entity = schema<Row>::name;
            const looked_up<Row> found =
                entry ? look_up<Row>(reader_, entry->id) : looked_up<Row>{};
            may_be_due = found.presence == presence::damaged ||
                         (found.is_sound() && unique_key(u, found.row) == key);
        });
    });
    if (may_be_due || claimed_.contains({key.part, key.bytes})) {
        return;
    }
    report_({.kind = finding_kind::stray_unique,
             .entity = entity,
             .id = entry ? entry->id : 0,
             .key = key,
             .message = "a unique entry without its row: " + describe(key)});
}

}  // namespace pinhole::storage
