#include "storage/check.hpp"

#include <optional>
#include <set>
#include <type_traits>
#include <utility>

#include "storage/idempotency.hpp"
#include "storage/jobs.hpp"
#include "storage/maintenance/entry_check.hpp"
#include "storage/maintenance/owner_check.hpp"
#include "storage/maintenance/parent_cache.hpp"
#include "storage/maintenance/rank_marks.hpp"
#include "storage/ranking.hpp"

namespace pinhole::storage {

namespace {

entity_id who_of(const comment& row) {
    return row.author.id;
}
entity_id who_of(const like& row) {
    return row.user.id;
}

/// Walks every row, judges what it says by itself and of its parents, and has the rest added up.
class row_check {
public:
    row_check(const kv::reader& reader, const check_options& options)
        : reader_(reader),
          options_(options),
          entries_(reader, options.watch, [this](finding found) { report(std::move(found)); }),
          owners_(reader, options.watch, [this](finding found) { report(std::move(found)); }) {}

    check_report check() {
        for_each_entity([this]<class Row>(std::type_identity<Row>) { check_entity<Row>(); });
        check_records();
        // In this order: a repair that mends as it goes counts by the indexes.
        report_.index_entries = entries_.find_differences();
        check_counters();
        owners_.find_differences();
        return std::move(report_);
    }

private:
    template <class Row>
    void check_entity() {
        std::uint64_t done = 0;
        const std::uint64_t total = reader_.approximate_rows(schema<Row>::family);
        walk_family(reader_, schema<Row>::family, [&](std::span<const kv::located_row> batch) {
            options_.watch.advance({.phase = schema<Row>::name, .done = done, .total = total});
            done += batch.size();
            std::vector<stored<Row>> rows;
            rows.reserve(batch.size());
            for (const kv::located_row& each : batch) {
                read<Row>(each, rows);
            }
            load_parents(rows);
            load_ranks(rows);
            load_files(rows);
            for (std::size_t at = 0; at < rows.size(); ++at) {
                check_row(rows[at].row, at);
            }
        });
        report_.rows += done;
    }

    template <class Row>
    void read(const kv::located_row& each, std::vector<stored<Row>>& rows) {
        if (auto found = read_row<Row>(each)) {
            rows.push_back(std::move(*found));
            return;
        }
        owners_.add_damaged(schema<Row>::family);
        finding problem{.entity = schema<Row>::name,
                        .id = each.part,
                        .key = {each.part, schema<Row>::family, each.row.key}};
        try {
            const Row row = decode_row<Row>(each.row.value);
            problem.kind = finding_kind::misplaced_row;
            problem.message = name_of<Row>(row.id) + " lies at " + describe(problem.key);
        } catch (const corrupt_row& damage) {
            problem.kind = finding_kind::undecodable;
            problem.message = name_of<Row>(each.part) + ": " + damage.what();
        }
        report(std::move(problem));
    }

    template <class Target>
    parent_cache<Target>& parents() {
        if constexpr (std::is_same_v<Target, user>) {
            return users_;
        } else {
            return posts_;
        }
    }

    template <class Row>
    void load_parents(const std::vector<stored<Row>>& rows) {
        for_each_stored_field<Row>([&]<class Field>(const Field& f) {
            if constexpr (is_reference<typename Field::value_type>) {
                std::vector<entity_id> ids;
                ids.reserve(rows.size());
                for (const stored<Row>& each : rows) {
                    ids.push_back((each.row.*f.member).id);
                }
                parents<typename Field::value_type::target>().load(std::move(ids));
            }
        });
    }

    /// For each row of the batch.
    template <class Row>
    void load_ranks(const std::vector<stored<Row>>& rows) {
        if constexpr (has_ranks<Row>) {
            std::vector<kv::key> records;
            std::vector<kv::key> counters;
            for (const stored<Row>& each : rows) {
                records.push_back(ranked_key<Row>(each.row.id));
                counters.push_back(counter_key<Row>(each.row.id));
            }
            ranked_ = reader_.multi_get(records);
            counters_ = reader_.counters(counters);
        }
    }

    /// Those that the posts of the batch have copies of, though they are not there.
    template <class Row>
    void load_files(const std::vector<stored<Row>>& rows) {
        absent_files_.clear();
        if constexpr (std::is_same_v<Row, post>) {
            std::vector<kv::key> keys;
            for (const stored<post>& each : rows) {
                for (const file& copy : each.row.files) {
                    keys.push_back(row_key<file>(copy.id));
                }
            }
            const auto found = reader_.multi_get(keys);
            for (std::size_t at = 0; at < keys.size(); ++at) {
                if (!found[at]) {
                    absent_files_.insert(keys[at].part);
                }
            }
        }
    }

    template <class Row>
    void check_row(const Row& row, std::size_t at) {
        for_each_stored_field<Row>([&]<class Field>(const Field& f) {
            if constexpr (is_reference<typename Field::value_type>) {
                const auto target = (row.*f.member).id;
                auto& known = parents<typename Field::value_type::target>();
                if (known.find(target).presence == presence::absent) {
                    report_of(row, finding_kind::missing_row,
                              " has no " + std::string{f.name} + ": " + std::to_string(target));
                }
            }
        });
        std::optional<kv::value_with_stamp> ranked;
        if constexpr (has_ranks<Row>) {
            ranked = std::move(ranked_[at]);
            check_rank(row, ranked, counters_[at]);
        }
        if constexpr (requires { row.is_counted; }) {
            check_counted(row);
        }
        if constexpr (std::is_same_v<Row, post>) {
            check_files(row);
        }
        entries_.add_row(row, ranked);
        owners_.add_row(row);
    }

    /// A marked row may stand anywhere: a query asks itself.
    template <class Row>
    void check_rank(const Row& row, const std::optional<kv::value_with_stamp>& record,
                    std::int64_t counter) {
        bool is_right = record.has_value() == !row.is_deleted;
        std::string problem = " is not ranked by its counts, and nothing says that it should be";
        try {
            if (record) {
                const auto ranked = decode_ranked(record->value, schema<Row>::ranks.size());
                std::size_t at = 0;
                for_each_rank<Row>([&](const rank& r) {
                    is_right = is_right && ranked[at++] == r.count_of(counter);
                });
            }
            is_right = is_right || marks_.has<Row>(row.id);
        } catch (const corrupt_row& damage) {
            is_right = false;
            problem = std::string{": "} + damage.what();
        }
        if (!is_right) {
            report_of(row, finding_kind::wrong_rank, problem);
        }
    }

    /// It counts while it and its user are alive; a job brings it in line with the user.
    template <class Row>
    void check_counted(const Row& row) {
        const parent_state who = users_.find(who_of(row));
        if (who.presence != presence::sound) {
            return;
        }
        const bool should_count = !row.is_deleted && who.is_alive();
        if (row.is_counted == should_count) {
            return;
        }
        if (!row.is_deleted && find_job(reader_, {job_kind::settle_counts, who_of(row)})) {
            return;
        }
        report_of(row, finding_kind::wrong_counted,
                  should_count ? " does not count" : " counts, though it is not there");
    }

    void check_files(const post& row) {
        if (row.files.empty() && !has_alive_file(row.id)) {
            report_of(row, finding_kind::post_without_files, " has no files");
        }
        for (const file& copy : row.files) {
            if (absent_files_.contains(copy.id)) {
                report_of(row, finding_kind::missing_row,
                          " has a copy of " + name_of<file>(copy.id) + ", which is not there");
            }
        }
    }

    bool has_alive_file(entity_id post) const {
        const std::string prefix = index_prefix(index_number<file>("post"), true);
        return !scan_index(reader_, {.part = post, .prefix = prefix, .limit = 1}).empty();
    }

    void check_records() {
        walk_family(reader_, families::idempotency, [this](std::span<const kv::located_row> batch) {
            options_.watch.advance({.phase = "idempotency records"});
            for (const kv::located_row& each : batch) {
                const kv::key key{each.part, families::idempotency, each.row.key};
                try {
                    entries_.add_record(key, each.row.value);
                } catch (const corrupt_row& damage) {
                    report({.kind = finding_kind::undecodable,
                            .key = key,
                            .message =
                                "an idempotency record, " + describe(key) + ": " + damage.what()});
                }
            }
        });
    }

    void check_counters() {
        walk_family(reader_, families::counters, [this](std::span<const kv::located_row> batch) {
            options_.watch.advance({.phase = "counters"});
            std::vector<entity_id> ids;
            for (const kv::located_row& each : batch) {
                ids.push_back(each.part);
            }
            posts_.load(ids);
            for (const kv::located_row& each : batch) {
                check_counter({each.part, families::counters, each.row.key},
                              std::stoll(each.row.value));
            }
        });
    }

    void check_counter(const kv::key& key, std::int64_t value) {
        if (key == post_counts_key(key.part)) {
            owners_.add_post_counter(key.part, value);
            require_owner<post>(key);
        } else if (key == user_post_count_key(key.part)) {
            owners_.add_user_counter(key.part, value);
            require_owner<user>(key);
        } else {
            report({.kind = finding_kind::stray_counter,
                    .key = key,
                    .message = "a counter that nobody declares: " + describe(key)});
        }
    }

    template <class Row>
    void require_owner(const kv::key& counter) {
        if (parents<Row>().find(counter.part).presence == presence::absent) {
            report({.kind = finding_kind::stray_counter,
                    .entity = schema<Row>::name,
                    .id = counter.part,
                    .key = counter,
                    .message = "a counter of nothing that is there: " + describe(counter)});
        }
    }

    template <class Row>
    void report_of(const Row& row, finding_kind kind, const std::string& problem) {
        report({.kind = kind,
                .entity = schema<Row>::name,
                .id = row.id,
                .message = name_of<Row>(row.id) + problem});
    }

    void report(finding found) {
        if (options_.on_finding) {
            options_.on_finding(found);
        }
        report_.add(std::move(found));
    }

    const kv::reader& reader_;
    const check_options& options_;
    check_report report_;
    parent_cache<user> users_{reader_};
    parent_cache<post> posts_{reader_};
    rank_marks marks_{reader_};
    std::vector<std::optional<kv::value_with_stamp>> ranked_;
    std::vector<std::int64_t> counters_;
    std::set<entity_id> absent_files_;
    entry_check entries_;
    owner_check owners_;
};

}  // namespace

std::string_view to_text(finding_kind kind) {
    static constexpr std::array<std::string_view, finding_kinds> texts{
        "undecodable",        "misplaced_row",  "missing_row",   "missing_entry", "wrong_entry",
        "stray_entry",        "missing_unique", "wrong_unique",  "shared_unique", "stray_unique",
        "wrong_rank",         "wrong_counter",  "stray_counter", "wrong_counted", "wrong_files",
        "post_without_files", "missing_bytes",  "wrong_size",    "wrong_digest",  "wrong_tree",
        "both_trees",         "stray_bytes",    "stray_upload"};
    return texts.at(static_cast<std::size_t>(kind));
}

bool is_mendable(finding_kind kind) {
    switch (kind) {
        case finding_kind::undecodable:
        case finding_kind::misplaced_row:
        case finding_kind::missing_row:
        case finding_kind::shared_unique:
        case finding_kind::post_without_files:
        case finding_kind::missing_bytes:
        case finding_kind::wrong_size:
        case finding_kind::wrong_digest:
            return false;
        default:
            return true;
    }
}

std::vector<std::string> check_report::details() const {
    std::vector<std::string> lines;
    lines.reserve(findings.size());
    for (const finding& each : findings) {
        lines.push_back(each.message);
    }
    return lines;
}

void check_report::add(finding found) {
    ++problems;
    if (++counts[static_cast<std::size_t>(found.kind)] <= findings_per_kind_max) {
        findings.push_back(std::move(found));
    }
}

check_report check_rows(const kv::reader& reader, const check_options& options) {
    return row_check{reader, options}.check();
}

check_report check_all(const kv::store& store, const std::filesystem::path& media_root,
                       const check_options& options) {
    check_report report = check_rows(*store.snapshot(kv::read_mode::blocking), options);
    check_media(report, store, media_root, options);
    return report;
}

}  // namespace pinhole::storage
