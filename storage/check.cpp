#include "storage/check.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <string_view>

#include "storage/base/text.hpp"
#include "storage/idempotency.hpp"
#include "storage/jobs.hpp"
#include "storage/ranking.hpp"

namespace pinhole::storage {

namespace {

constexpr std::uint32_t rows_per_read = 1024;
constexpr std::size_t details_max = 100;
/// Users and posts that are remembered from one row to the next.
constexpr std::size_t remembered_max = 10'000;

std::string describe(const kv::key& key) {
    return "part " + std::to_string(key.part) + " key " + to_hex(as_octets(key.bytes));
}

class checker {
public:
    explicit checker(const kv::reader& reader) : reader_(reader), rows_(reader) {}

    check_report check() {
        check_entity<user>();
        check_entity<post>();
        check_entity<file>();
        check_entity<comment>();
        check_entity<like>();
        check_entity<session>();
        check_entries(families::index,
                      [this](const kv::key& key, const kv::row&) { check_index_entry(key); });
        check_entries(families::terms, [this](const kv::key& key, const kv::row&) {
            ++terms_seen_[key.bytes.empty() ? 0 : static_cast<std::uint8_t>(key.bytes.front())];
        });
        check_terms<user>();
        check_terms<post>();
        check_terms<comment>();
        for (std::size_t number = 0; number < terms_seen_.size(); ++number) {
            require(terms_seen_[number] == 0 || is_inverted_index_[number],
                    "an inverted index that nobody declares: " + std::to_string(number));
        }
        check_entries(families::unique, [this](const kv::key& key, const kv::row& row) {
            check_unique_entry(key, row.value);
        });
        walk(families::counters, [this](const kv::key& key, const kv::row&) { check_owner(key); });
        walk(families::idempotency, [this](const kv::key& key, const kv::row& row) {
            require_entry(expiry_key_of_record(key.bytes, row.value), "an idempotency record");
        });
        return std::move(report_);
    }

private:
    template <class Function>
    void walk(kv::family_id family, const Function& function) {
        std::optional<kv::key> beyond;
        for (;;) {
            const auto found = reader_.walk(family, beyond ? &*beyond : nullptr, rows_per_read);
            for (const kv::located_row& each : found) {
                const kv::key key{each.part, family, each.row.key};
                try {
                    function(key, each.row);
                } catch (const corrupt_row& damage) {
                    report(describe(key) + ": " + damage.what());
                }
                rows_.forget_beyond(remembered_max);
            }
            if (found.size() < rows_per_read) {
                return;
            }
            beyond = {found.back().part, family, found.back().row.key};
        }
    }

    template <class Function>
    void check_entries(kv::family_id family, const Function& function) {
        walk(family, [&](const kv::key& key, const kv::row& row) {
            ++report_.index_entries;
            function(key, row);
        });
    }

    template <class Row>
    void check_entity() {
        walk(schema<Row>::family, [this](const kv::key& key, const kv::row& stored) {
            ++report_.rows;
            const Row row = decode_row<Row>(stored.value);
            const std::string name =
                std::string{schema<Row>::singular} + ' ' + std::to_string(key.part);
            if (row.id != key.part || !key.bytes.empty()) {
                report(name + " lies at " + describe(key));
                return;
            }
            for_each_index<Row>([&](const auto& i) {
                require_entry(index_key(i, row), name, index_value(i, row));
            });
            for_each_inverted<Row>([&](const inverted_index<Row>& i) {
                for (const kv::key& entry : inverted_keys(i, row)) {
                    ++terms_due_[i.number];
                    require_entry(entry, name);
                }
            });
            check_ranked(row, name);
            for_each_unique<Row>([&](const auto& u) {
                const auto entry = rows_.find_unique(unique_key(u, row));
                require(entry && entry->id == row.id && entry->alive == !row.is_deleted,
                        name + " is not what its unique entry " + std::string{u.name} + " says");
            });
            check_row(row, name);
        });
    }

    /// An unranked row may stand anywhere: a query asks itself.
    template <class Row>
    void check_ranked(const Row& row, const std::string& name) {
        if constexpr (has_ranks<Row>) {
            const auto ranked = find_ranked<Row>(reader_, row.id);
            std::size_t at = 0;
            const std::int64_t counter = reader_.counter(counter_key<Row>(row.id));
            bool is_right = ranked.has_value() == !row.is_deleted;
            for_each_rank<Row>([&](const rank& r) {
                if (ranked) {
                    require_entry(rank_key(r.number, (*ranked)[at], row.id), name);
                    is_right = is_right && (*ranked)[at] == r.count_of(counter);
                }
                ++at;
            });
            require(is_right || std::ranges::binary_search(unranked_ids<Row>(), row.id),
                    name + " is not ranked by its counts, and nothing says that it should be");
        }
    }

    template <class Row>
    const std::vector<entity_id>& unranked_ids() {
        auto& ids = std::is_same_v<Row, user> ? unranked_users_ : unranked_posts_;
        if (!ids) {
            ids = list_unranked<Row>(reader_, std::numeric_limits<std::uint32_t>::max()).ids;
        }
        return *ids;
    }

    void check_row(const user& row, const std::string& name) {
        require(reader_.counter(user_post_count_key(row.id)) == count_alive_posts(row.id),
                name + ": its post count is not that of its posts");
    }

    void check_row(const post& row, const std::string& name) {
        require(exists<user>(row.author.id), name + " has no author");
        const post_counts counts = unpack_post_counts(reader_.counter(post_counts_key(row.id)));
        require(counts.likes == count_counted<like>(row.id, index_number<like>("post")),
                name + ": its like count is not that of its likes");
        require(counts.comments == count_counted<comment>(row.id, index_number<comment>("post")),
                name + ": its comment count is not that of its comments");
        std::vector<std::string> copies;
        copies.reserve(row.files.size());
        for (const file& copy : row.files) {
            copies.push_back(encode_row(copy));
        }
        std::vector<file> alive = children<file>(row.id, index_number<file>("post"));
        std::ranges::sort(alive, {}, &file::position);
        std::vector<std::string> files;
        files.reserve(alive.size());
        for (const file& child : alive) {
            files.push_back(encode_row(child));
        }
        require(copies == files, name + ": its copy of its files is not what they are");
        require(!files.empty(), name + " has no files");
    }

    void check_row(const file& row, const std::string& name) {
        require(exists<post>(row.post.id), name + " has no post");
    }

    void check_row(const comment& row, const std::string& name) {
        require(exists<post>(row.post.id), name + " has no post");
        check_counted(row, row.author.id, name);
    }

    void check_row(const like& row, const std::string& name) {
        require(exists<post>(row.post.id), name + " has no post");
        check_counted(row, row.user.id, name);
    }

    void check_row(const session& row, const std::string& name) {
        require(exists<user>(row.user.id), name + " has no user");
    }

    /// It counts while it and its user are alive; a job brings it in line with the user.
    template <class Row>
    void check_counted(const Row& row, entity_id who, const std::string& name) {
        require(exists<user>(who), name + " has no user");
        const bool is_settling =
            find_job(reader_, {job_kind::settle_counts, who}).has_value() && !row.is_deleted;
        const bool should_count = !row.is_deleted && rows_.alive_user(who) != nullptr;
        require(is_settling || row.is_counted == should_count,
                name + (should_count ? " does not count" : " counts, though it is not there"));
    }

    void check_index_entry(const kv::key& key) {
        if (key.bytes.empty()) {
            report("an index entry without a number: " + describe(key));
            return;
        }
        const bool is_known = is_entry_of<user>(key) || is_entry_of<post>(key) ||
                              is_entry_of<file>(key) || is_entry_of<comment>(key) ||
                              is_entry_of<like>(key) || is_entry_of<session>(key) ||
                              is_expiry_of_record(key);
        require(is_known, "an entry of an index that nobody declares: " + describe(key));
    }

    /// Whether the index is one of this entity's. Reports an entry that no row gives rise to.
    template <class Row>
    bool is_entry_of(const kv::key& key) {
        bool is_mine = false;
        for_each_index<Row>([&](const auto& i) {
            if (i.number != static_cast<std::uint8_t>(key.bytes.front())) {
                return;
            }
            is_mine = true;
            const auto found = rows_.find<Row>(id_of_index_key(key.bytes));
            require(found && index_key(i, found->row) == key, stray_entry<Row>(i.name, key));
        });
        return is_mine || is_rank_of<Row>(key);
    }

    /// Making a row's terms once for each of its entries would take an hour: only where there are
    /// more entries than the rows give rise to is each one looked at.
    template <class Row>
    void check_terms() {
        for_each_inverted<Row>([&](const inverted_index<Row>& i) {
            is_inverted_index_[i.number] = true;
            if (terms_seen_[i.number] == terms_due_[i.number]) {
                return;
            }
            walk(families::terms, [&](const kv::key& key, const kv::row&) {
                if (key.bytes.empty() || static_cast<std::uint8_t>(key.bytes[0]) != i.number) {
                    return;
                }
                const auto found = rows_.find<Row>(id_of_index_key(key.bytes));
                const auto keys = found ? inverted_keys(i, found->row) : std::vector<kv::key>{};
                require(std::ranges::find(keys, key) != keys.end(), stray_entry<Row>(i.path, key));
            });
        });
    }

    template <class Row>
    bool is_rank_of(const kv::key& key) {
        bool is_mine = false;
        if constexpr (has_ranks<Row>) {
            const auto number = static_cast<std::uint8_t>(key.bytes.front());
            std::size_t at = 0;
            for_each_rank<Row>([&](const rank& r) {
                if (r.number == number) {
                    is_mine = true;
                    const entity_id id = id_of_index_key(key.bytes);
                    const auto ranked = find_ranked<Row>(reader_, id);
                    require(ranked && rank_key(r.number, (*ranked)[at], id) == key,
                            stray_entry<Row>(r.field, key));
                }
                ++at;
            });
            if (number == schema<Row>::ranked_number) {
                is_mine = true;
                require(exists<Row>(key.part), stray_entry<Row>("ranked", key));
            }
            // A mark says that something has happened to a row, which may be gone since.
            is_mine = is_mine || number == schema<Row>::unranked_number;
        }
        return is_mine;
    }

    template <class Row>
    static std::string stray_entry(std::string_view index, const kv::key& key) {
        std::string problem = "an entry of index ";
        problem += index;
        problem += " of ";
        problem += schema<Row>::name;
        return problem + " without its row: " + describe(key);
    }

    bool is_expiry_of_record(const kv::key& key) {
        if (static_cast<std::uint8_t>(key.bytes.front()) != idempotency_expiry_index) {
            return false;
        }
        const kv::key record = record_of_expiry_key(key.bytes);
        const auto found = reader_.get(record);
        require(found && expiry_key_of_record(record.bytes, found->value) == key,
                "an expiry entry without its idempotency record: " + describe(key));
        return true;
    }

    void check_unique_entry(const kv::key& key, std::string_view value) {
        const unique_entry entry = decode_unique_entry(value);
        const bool is_known = is_unique_of<user>(key, entry.id) ||
                              is_unique_of<file>(key, entry.id) ||
                              is_unique_of<like>(key, entry.id);
        require(is_known, "a unique entry without its row: " + describe(key));
    }

    template <class Row>
    bool is_unique_of(const kv::key& key, entity_id id) {
        bool is_mine = false;
        for_each_unique<Row>([&](const auto& u) {
            if (!key.bytes.empty() && u.number == static_cast<std::uint8_t>(key.bytes.front())) {
                const auto found = rows_.find<Row>(id);
                is_mine = found && unique_key(u, found->row) == key;
            }
        });
        return is_mine;
    }

    void check_owner(const kv::key& counter) {
        const bool has_owner =
            counter == post_counts_key(counter.part)
                ? exists<post>(counter.part)
                : counter == user_post_count_key(counter.part) && exists<user>(counter.part);
        require(has_owner, "a counter of nothing that is there: " + describe(counter));
    }

    template <class Row>
    bool exists(entity_id id) const {
        return reader_.get(row_key<Row>(id)).has_value();
    }

    /// The alive rows of an index that is scoped by their parent.
    template <class Row>
    std::vector<Row> children(entity_id parent, std::uint8_t index) const {
        std::vector<Row> children;
        std::string last;
        for (;;) {
            const auto entries = scan_index(reader_, {.part = parent,
                                                      .prefix = index_prefix(index, true),
                                                      .beyond = last,
                                                      .limit = rows_per_read});
            for (auto& found : rows_.find_many<Row>(ids_of(entries))) {
                if (found) {
                    children.push_back(std::move(found->row));
                }
            }
            if (entries.size() < rows_per_read) {
                return children;
            }
            last = entries.back().key;
        }
    }

    template <class Row>
    std::int64_t count_counted(entity_id parent, std::uint8_t index) const {
        const auto all = children<Row>(parent, index);
        return std::ranges::count_if(all, [](const Row& row) { return row.is_counted; });
    }

    std::int64_t count_alive_posts(entity_id author) const {
        return static_cast<std::int64_t>(
            children<post>(author, index_number<post>("author")).size());
    }

    void require_entry(const kv::key& key, const std::string& name, std::string_view value = {}) {
        const auto found = reader_.get(key);
        require(found.has_value(), name + " lacks its index entry " + describe(key));
        require(!found || found->value == value,
                name + " is not what its index entry says: " + describe(key));
    }

    void require(bool holds, const std::string& problem) {
        if (!holds) {
            report(problem);
        }
    }

    void report(const std::string& problem) {
        if (++report_.problems <= details_max) {
            report_.details.push_back(problem);
        }
    }

    const kv::reader& reader_;
    row_reader rows_;
    /// Entries of inverted indexes by their number: those there are, and those the rows ask for.
    std::array<std::size_t, 256> terms_seen_{};
    std::array<std::size_t, 256> terms_due_{};
    std::array<bool, 256> is_inverted_index_{};
    std::optional<std::vector<entity_id>> unranked_users_;
    std::optional<std::vector<entity_id>> unranked_posts_;
    check_report report_;
};

}  // namespace

check_report check_rows(const kv::reader& reader) {
    return checker{reader}.check();
}

}  // namespace pinhole::storage
