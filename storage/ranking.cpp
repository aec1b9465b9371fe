#include "storage/ranking.hpp"

#include <atomic>
#include <latch>
#include <memory>

#include "storage/visibility.hpp"

namespace pinhole::storage {

namespace {

template <class Row>
kv::key ranked_key(entity_id id) {
    return {id, families::index, index_prefix(schema<Row>::ranked_number, true)};
}

std::string encode_counts(const std::vector<std::int64_t>& counts) {
    std::string out;
    for (const std::int64_t count : counts) {
        append_varint(out, to_zigzag(count));
    }
    return out;
}

std::vector<std::int64_t> decode_counts(std::string_view bytes, std::size_t wanted) {
    std::vector<std::int64_t> counts;
    while (counts.size() < wanted) {
        const auto count = take_varint(bytes);
        if (!count) {
            throw corrupt_row{"a record of the counts at which a row is ranked is damaged"};
        }
        counts.push_back(from_zigzag(*count));
    }
    return counts;
}

template <class Row>
std::vector<std::int64_t> read_counts(const kv::reader& reader, entity_id id) {
    const std::int64_t counter = reader.counter(counter_key<Row>(id));
    std::vector<std::int64_t> counts;
    for_each_rank<Row>([&](const rank& r) { counts.push_back(r.count_of(counter)); });
    return counts;
}

template <class Row>
std::size_t rank_unranked_rows(kv::store& store) {
    std::vector<kv::commit> commits;
    {
        const auto snapshot = store.snapshot(kv::read_mode::blocking);
        for (const entity_id id : list_unranked<Row>(*snapshot, unranked_per_round)) {
            commits.push_back(plan_rank<Row>(*snapshot, id));
        }
    }
    // Submitted together, they share a write-ahead log record and its fsync.
    struct progress {
        explicit progress(std::size_t commits) : decided(static_cast<std::ptrdiff_t>(commits)) {}
        std::latch decided;
        std::atomic<std::size_t> moved = 0;
    };
    // Shared: the last one to count down may still be inside when this thread goes on.
    const auto state = std::make_shared<progress>(commits.size());
    for (kv::commit& each : commits) {
        store.submit(std::move(each), [state](kv::outcome outcome) {
            state->moved += outcome == kv::outcome::ok ? 1 : 0;
            state->decided.count_down();
        });
    }
    state->decided.wait();
    return state->moved;
}

}  // namespace

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
    return found ? std::optional{decode_counts(found->value, schema<Row>::ranks.size())}
                 : std::nullopt;
}

template <class Row>
std::vector<entity_id> list_unranked(const kv::reader& reader, std::uint32_t limit) {
    return ids_of(scan_index(
        reader, {.prefix = index_prefix(schema<Row>::unranked_number, true), .limit = limit}));
}

template <class Row>
kv::commit plan_rank(const kv::reader& reader, entity_id id) {
    kv::commit commit;
    const auto mark = reader.get(unranked_key<Row>(id));
    if (!mark) {
        return commit;
    }
    commit.operations.emplace_back(kv::check{unranked_key<Row>(id), mark->stamp});
    commit.operations.emplace_back(kv::erase{unranked_key<Row>(id)});
    const auto row = row_reader{reader}.find<Row>(id);
    const auto before = find_ranked<Row>(reader, id);
    const auto after = row && !row->row.is_deleted ? std::optional{read_counts<Row>(reader, id)}
                                                   : std::nullopt;
    if (before == after) {
        return commit;
    }
    std::size_t at = 0;
    for_each_rank<Row>([&](const rank& r) {
        if (before && after && (*before)[at] == (*after)[at]) {
            ++at;
            return;
        }
        if (before) {
            commit.operations.emplace_back(kv::erase{rank_key(r.number, (*before)[at], id)});
        }
        if (after) {
            commit.operations.emplace_back(kv::put{rank_key(r.number, (*after)[at], id), {}});
        }
        ++at;
    });
    if (after) {
        commit.operations.emplace_back(kv::put{ranked_key<Row>(id), encode_counts(*after)});
    } else {
        commit.operations.emplace_back(kv::erase{ranked_key<Row>(id)});
    }
    return commit;
}

std::size_t rank_unranked(kv::store& store) {
    return rank_unranked_rows<user>(store) + rank_unranked_rows<post>(store);
}

template std::optional<std::vector<std::int64_t>> find_ranked<user>(const kv::reader&, entity_id);
template std::optional<std::vector<std::int64_t>> find_ranked<post>(const kv::reader&, entity_id);
template std::vector<entity_id> list_unranked<user>(const kv::reader&, std::uint32_t);
template std::vector<entity_id> list_unranked<post>(const kv::reader&, std::uint32_t);
template kv::commit plan_rank<user>(const kv::reader&, entity_id);
template kv::commit plan_rank<post>(const kv::reader&, entity_id);

}  // namespace pinhole::storage
