// The reindex of everything (reindex.hpp).
#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>

#include "storage/base/fold.hpp"
#include "storage/idempotency.hpp"
#include "storage/maintenance/batch_writer.hpp"
#include "storage/maintenance/parent_cache.hpp"
#include "storage/meta.hpp"
#include "storage/ranking.hpp"
#include "storage/reindex.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

namespace {

constexpr std::size_t operations_per_commit = 10'000;
constexpr std::string_view mark_name = "reindexing";
constexpr std::string_view fold_version_name = "fold_version";
constexpr std::array derived_families{families::index, families::terms, families::unique,
                                      families::counters};

entity_id who_of(const comment& row) {
    return row.author.id;
}
entity_id who_of(const like& row) {
    return row.user.id;
}

class reindexer {
public:
    reindexer(kv::store& store, const work_watch& watch)
        : store_(store), watch_(watch), out_(store) {}

    reindex_report reindex() {
        mark(1);
        for (const kv::family_id family : derived_families) {
            erase_all(family);
        }
        // Files before posts, whose copies are of them.
        make_entries<user>();
        make_entries<file>();
        make_entries<post>();
        make_entries<comment>();
        make_entries<like>();
        make_entries<session>();
        make_expiry_entries();
        rank();
        append_meta(out_.commit(), fold_version_name, fold_version());
        mark(0);
        return report_;
    }

private:
    void mark(std::int64_t value) {
        append_meta(out_.commit(), mark_name, value);
        out_.flush_beyond(0);
    }

    /// From the beginning each time: what is behind has gone.
    void erase_all(kv::family_id family) {
        std::uint64_t done = 0;
        std::optional<kv::key> beyond;
        for (;;) {
            watch_.advance({.phase = "dropping indexes", .done = done});
            const auto found = store_.snapshot(kv::read_mode::blocking)
                                   ->walk(family, beyond ? &*beyond : nullptr, rows_per_walk);
            for (const kv::located_row& each : found) {
                out_.commit().operations.emplace_back(kv::erase{{each.part, family, each.row.key}});
            }
            done += found.size();
            if (!found.empty()) {
                beyond = {found.back().part, family, found.back().row.key};
            }
            out_.flush_beyond(found.size() < rows_per_walk ? 0 : operations_per_commit);
            if (found.size() < rows_per_walk) {
                return;
            }
        }
    }

    /// A snapshot for some rows each: what was written before is seen.
    template <class Row>
    void make_entries() {
        std::uint64_t done = 0;
        std::optional<kv::key> beyond;
        for (;;) {
            watch_.advance({.phase = schema<Row>::name, .done = done});
            const auto snapshot = store_.snapshot(kv::read_mode::blocking);
            const auto found =
                snapshot->walk(schema<Row>::family, beyond ? &*beyond : nullptr, rows_per_walk);
            for (const kv::located_row& each : found) {
                if (auto row = read_row<Row>(each)) {
                    ++report_.rows;
                    make_entries_of(*snapshot, *row);
                } else {
                    ++report_.damaged;
                }
            }
            done += found.size();
            flush_counts(*snapshot);
            out_.flush_beyond(0);
            claimed_.clear();
            if (found.size() < rows_per_walk) {
                return;
            }
            beyond = {found.back().part, schema<Row>::family, found.back().row.key};
        }
    }

    template <class Row>
    void make_entries_of(const kv::reader& reader, stored<Row>& found) {
        Row& row = found.row;
        set_right(reader, row);
        append_index_upkeep<Row>(out_.commit(), nullptr, &row);
        append_inverted_upkeep<Row>(out_.commit(), nullptr, &row);
        for_each_unique<Row>([&](const auto& u) { claim(reader, u, row); });
        if constexpr (has_ranks<Row>) {
            append_unranked<Row>(out_.commit(), row.id);
        }
        count(row);
        out_.flush_beyond(operations_per_commit);
    }

    /// Two rows may claim one value: the first one has it.
    template <class Unique, class Row>
    void claim(const kv::reader& reader, const Unique& unique, const Row& row) {
        kv::key key = unique_key(unique, row);
        if (reader.get(key) || !claimed_.emplace(key.part, key.bytes).second) {
            ++report_.shared;
            return;
        }
        out_.commit().operations.emplace_back(
            kv::put{std::move(key), encode_unique_entry({row.id, !row.is_deleted})});
    }

    /// What the row itself has that derives from others.
    template <class Row>
    void set_right(const kv::reader& reader, Row& row) {
        Row right = row;
        if constexpr (requires { row.is_counted; }) {
            const auto who = look_up_user(reader, who_of(row));
            if (who.presence == presence::sound) {
                right.is_counted = !row.is_deleted && who.is_alive();
            }
        }
        if constexpr (std::is_same_v<Row, post>) {
            make_copies(reader, right);
        }
        std::string bytes = encode_row(right);
        if (bytes != encode_row(row)) {
            ++report_.rewritten;
            out_.commit().operations.emplace_back(kv::put{row_key<Row>(row.id), std::move(bytes)});
            row = std::move(right);
        }
    }

    parent_state look_up_user(const kv::reader& reader, entity_id id) {
        if (users_known_.size() > users_known_max) {
            users_known_.clear();
        }
        const auto known = users_known_.find(id);
        if (known != users_known_.end()) {
            return known->second;
        }
        return users_known_.emplace(id, parent_cache<user>{reader}.find(id)).first->second;
    }

    /// A copy whose row is gone is all that is left of it, and stays.
    static void make_copies(const kv::reader& reader, post& row) {
        for (const file& copy : row.files) {
            if (!look_up<file>(reader, copy.id).is_sound()) {
                return;
            }
        }
        std::vector<file> files;
        const std::string prefix = index_prefix(index_number<file>("post"), true);
        for (const entity_id id :
             ids_of(scan_index(reader, {.part = row.id, .prefix = prefix, .limit = UINT32_MAX}))) {
            auto found = look_up<file>(reader, id);
            if (found.is_sound()) {
                files.push_back(std::move(found.row));
            }
        }
        std::ranges::sort(files, {}, &file::position);
        row.files = std::move(files);
    }

    template <class Row>
    void count(const Row& row) {
        if constexpr (requires { row.is_counted; }) {
            post_counts_[row.post.id] += row.is_counted ? unit_of(row) : 0;
        }
        if constexpr (std::is_same_v<Row, post>) {
            user_counts_[row.author.id] += row.is_deleted ? 0 : 1;
        }
    }

    void flush_counts(const kv::reader& reader) {
        add_counts<post>(reader, post_counts_);
        add_counts<user>(reader, user_counts_);
    }

    /// What refers to nothing that is there counts nowhere.
    template <class Row>
    void add_counts(const kv::reader& reader, std::unordered_map<entity_id, std::int64_t>& counts) {
        for (const auto& [id, delta] : counts) {
            if (delta != 0 && reader.get(row_key<Row>(id))) {
                out_.commit().operations.emplace_back(kv::add{counter_key<Row>(id), delta});
            }
        }
        counts.clear();
    }

    void make_expiry_entries() {
        const auto snapshot = store_.snapshot(kv::read_mode::blocking);
        walk_family(*snapshot, families::idempotency, [this](const auto& batch) {
            for (const kv::located_row& each : batch) {
                try {
                    out_.commit().operations.emplace_back(
                        kv::put{expiry_key_of_record(each.row.key, each.row.value), {}});
                } catch (const corrupt_row&) {
                    ++report_.damaged;
                }
            }
            out_.flush_beyond(operations_per_commit);
        });
        out_.flush_beyond(0);
    }

    void rank() {
        watch_.advance({.phase = "ranks"});
        if (!rank_unranked(store_)) {
            throw kv::storage_failure{"rows cannot be ranked: is the disk full?"};
        }
    }

    static constexpr std::size_t users_known_max = 200'000;

    kv::store& store_;
    const work_watch& watch_;
    batch_writer out_;
    reindex_report report_;
    std::unordered_map<entity_id, parent_state> users_known_;
    std::unordered_map<entity_id, std::int64_t> post_counts_;
    std::unordered_map<entity_id, std::int64_t> user_counts_;
    /// Unique values that are claimed and not yet committed.
    std::set<std::pair<kv::part_id, std::string>> claimed_;
};

}  // namespace

reindex_report reindex(kv::store& store, const work_watch& watch) {
    return reindexer{store, watch}.reindex();
}

bool is_reindexing(const kv::reader& reader) {
    return read_meta(reader, mark_name).value_or(0) != 0;
}

}  // namespace pinhole::storage
