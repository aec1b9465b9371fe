#include "storage/ranking.hpp"

#include <algorithm>

#include "storage/kv/byte_order.hpp"
#include "storage/meta.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

namespace {

constexpr std::uint32_t marks_per_commit = 1024;

std::string encode_counts(const std::vector<std::int64_t>& counts) {
    std::string out;
    for (const std::int64_t count : counts) {
        append_varint(out, to_zigzag(count));
    }
    return out;
}

template <class Row>
std::vector<std::int64_t> counts_in(std::int64_t counter) {
    std::vector<std::int64_t> counts;
    for_each_rank<Row>([&](const rank& r) { counts.push_back(r.count_of(counter)); });
    return counts;
}

template <class Row>
std::vector<std::int64_t> read_counts(const kv::reader& reader, entity_id id) {
    return counts_in<Row>(reader.counter(counter_key<Row>(id)));
}

template <class Row>
std::string progress_name() {
    return "ranked." + std::string{schema<Row>::name};
}

/// The first bytes behind the marks' front of those that have not been taken off.
template <class Row>
std::string first_stamp(const kv::reader& reader) {
    const std::int64_t done = read_meta(reader, progress_name<Row>()).value_or(0);
    std::string bytes(kv::key_stamp_bytes, '\0');
    kv::store_u64(bytes.data(), static_cast<std::uint64_t>(done) + 1);
    return bytes;
}

std::int64_t stamp_of(std::string_view mark) {
    const std::size_t front = index_prefix(0, true).size();
    if (mark.size() != front + kv::key_stamp_bytes + sizeof(entity_id)) {
        throw corrupt_row{"a mark of an unranked row is damaged"};
    }
    return static_cast<std::int64_t>(kv::load_u64(mark.data() + front));
}

/// Moves one row from where it is ranked to where it belongs.
template <class Row>
void append_move(kv::commit& commit, const kv::reader& reader, entity_id id) {
    const auto row = row_reader{reader}.find<Row>(id);
    const auto before = find_ranked<Row>(reader, id);
    const auto after =
        row && !row->row.is_deleted ? std::optional{read_counts<Row>(reader, id)} : std::nullopt;
    if (before == after) {
        return;
    }
    std::size_t at = 0;
    for_each_rank<Row>([&](const rank& r) {
        const bool stays = before && after && (*before)[at] == (*after)[at];
        if (before && !stays) {
            commit.operations.emplace_back(kv::erase{rank_key(r.number, (*before)[at], id)});
        }
        if (after && !stays) {
            commit.operations.emplace_back(kv::put{rank_key(r.number, (*after)[at], id), {}});
        }
        ++at;
    });
    if (after) {
        commit.operations.emplace_back(kv::put{ranked_key<Row>(id), encode_counts(*after)});
    } else {
        commit.operations.emplace_back(kv::erase{ranked_key<Row>(id)});
    }
}

template <class Row>
bool rank_unranked_rows(kv::store& store) {
    for (;;) {
        kv::commit commit =
            plan_rank<Row>(*store.snapshot(kv::read_mode::blocking), marks_per_commit);
        if (commit.empty()) {
            return true;
        }
        if (store.submit_and_wait(std::move(commit)) != kv::outcome::ok) {
            return false;
        }
    }
}

}  // namespace

std::vector<std::int64_t> decode_ranked(std::string_view bytes, std::size_t ranks) {
    std::vector<std::int64_t> counts;
    while (counts.size() < ranks) {
        const auto count = take_varint(bytes);
        if (!count) {
            throw corrupt_row{"a record of the counts at which a row is ranked is damaged"};
        }
        counts.push_back(from_zigzag(*count));
    }
    return counts;
}

kv::key rank_key(std::uint8_t number, std::int64_t count, entity_id id) {
    kv::key_writer out;
    out.append_u8(number);
    out.append_u8(1);
    out.append_i64(count);
    out.append_i64(id);
    return {global_part, families::index, out.take()};
}

template <class Row>
std::optional<std::vector<std::int64_t>> find_ranked(const kv::reader& reader, entity_id id) {
    const auto found = reader.get(ranked_key<Row>(id));
    return found ? std::optional{decode_ranked(found->value, schema<Row>::ranks.size())}
                 : std::nullopt;
}

template <class Row>
unranked list_unranked(const kv::reader& reader, std::uint32_t limit) {
    const std::string front = index_prefix(schema<Row>::unranked_number, true);
    unranked found;
    for (kv::row& mark : reader.scan({.part = global_part,
                                      .family = families::index,
                                      .from = front + first_stamp<Row>(reader),
                                      .to = kv::prefix_end(front),
                                      .limit = limit})) {
        found.ids.push_back(id_of_index_key(mark.key));
        found.keys.push_back(std::move(mark.key));
    }
    std::ranges::sort(found.ids);
    found.ids.erase(std::ranges::unique(found.ids).begin(), found.ids.end());
    return found;
}

template <class Row>
kv::commit plan_rank(const kv::reader& reader, std::uint32_t marks_max) {
    kv::commit commit;
    unranked found = list_unranked<Row>(reader, marks_max);
    if (found.keys.empty()) {
        return commit;
    }
    for (const entity_id id : found.ids) {
        append_move<Row>(commit, reader, id);
    }
    // Of the last commit there may be more marks than were asked for.
    const bool is_whole = found.keys.size() < marks_max;
    append_meta(commit, progress_name<Row>(), stamp_of(found.keys.back()) - (is_whole ? 0 : 1));
    for (std::string& key : found.keys) {
        commit.operations.emplace_back(kv::erase{{global_part, families::index, std::move(key)}});
    }
    return commit;
}

template <class Row>
void append_first_rank(kv::commit& commit, entity_id id, std::int64_t counter) {
    const auto counts = counts_in<Row>(counter);
    std::size_t at = 0;
    for_each_rank<Row>([&](const rank& r) {
        commit.operations.emplace_back(kv::put{rank_key(r.number, counts[at++], id), {}});
    });
    commit.operations.emplace_back(kv::put{ranked_key<Row>(id), encode_counts(counts)});
}

bool rank_unranked(kv::store& store) {
    return rank_unranked_rows<user>(store) && rank_unranked_rows<post>(store);
}

template std::optional<std::vector<std::int64_t>> find_ranked<user>(const kv::reader&, entity_id);
template std::optional<std::vector<std::int64_t>> find_ranked<post>(const kv::reader&, entity_id);
template unranked list_unranked<user>(const kv::reader&, std::uint32_t);
template unranked list_unranked<post>(const kv::reader&, std::uint32_t);
template kv::commit plan_rank<user>(const kv::reader&, std::uint32_t);
template kv::commit plan_rank<post>(const kv::reader&, std::uint32_t);
template void append_first_rank<user>(kv::commit&, entity_id, std::int64_t);
template void append_first_rank<post>(kv::commit&, entity_id, std::int64_t);

}  // namespace pinhole::storage
