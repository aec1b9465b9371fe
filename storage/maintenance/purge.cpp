#include "storage/maintenance/purge.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "storage/jobs.hpp"
#include "storage/maintenance/media_facts.hpp"
#include "storage/maintenance/purge_count.hpp"
#include "storage/maintenance/retention.hpp"
#include "storage/maintenance/row_walk.hpp"
#include "storage/maintenance/try_commit.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

namespace {

constexpr std::uint32_t rows_per_read = 256;
/// Some milliseconds of the commit thread.
constexpr std::size_t operations_per_commit = 2'000;
/// Of one step, against writers that are faster each time.
constexpr int attempts_max = 1000;

/// Takes a row away with all its entries, but leaves a unique entry that another row holds.
template <class Row>
void append_purge(kv::commit& commit, const kv::reader& reader, const stored<Row>& found) {
    const std::size_t first = commit.operations.size();
    append_erase(commit, found);
    for_each_unique<Row>([&](const auto& u) {
        const kv::key key = unique_key(u, found.row);
        const auto entry = row_reader{reader}.find_unique(key);
        if (!entry || entry->id == found.row.id) {
            return;
        }
        const auto is_of_another = [&](const kv::operation& operation) {
            const auto* erased = std::get_if<kv::erase>(&operation);
            return erased != nullptr && erased->key == key;
        };
        auto& all = commit.operations;
        all.erase(std::remove_if(all.begin() + static_cast<std::ptrdiff_t>(first), all.end(),
                                 is_of_another),
                  all.end());
    });
    if constexpr (requires { found.row.is_counted; }) {
        if (found.row.is_counted) {
            append_post_counts(commit, found.row.post.id, -unit_of(found.row));
        }
    }
}

class purger {
public:
    purger(kv::store& store, media_placement* placement, const purge_options& options)
        : store_(store), placement_(placement), options_(options) {}

    purge_report purge() {
        finish_removals();
        for_each_over<user>([this](const user& row) { purge_user(row.id); });
        for_each_over<post>([this](const post& row) { purge_post(row.id); });
        purge_leaves<file>();
        purge_leaves<comment>();
        purge_leaves<like>();
        return report_;
    }

private:
    /// What a plan comes to; nothing to commit if there is nothing to do.
    struct step {
        kv::commit commit;
        std::vector<job> removals = {};
        purge_report gone = {};
    };

    /// Plans on the newest state and commits, until it succeeds. `plan` answers nothing where
    /// there is nothing to do any more.
    template <class Plan>
    bool carry_out(const Plan& plan) {
        for (int attempt = 0; attempt < attempts_max; ++attempt) {
            options_.watch.advance({.phase = "purge", .done = rows_gone()});
            std::optional<step> planned = plan(*store_.snapshot(kv::read_mode::blocking));
            if (!planned) {
                return false;
            }
            if (planned->commit.empty() || commits(std::move(planned->commit))) {
                add(planned->gone);
                remove_bytes(planned->removals);
                return true;
            }
        }
        throw kv::storage_failure{"a purge is overtaken by writers each time"};
    }

    bool commits(kv::commit commit) {
        commit.frees_room = true;
        return try_commit(
            store_, std::move(commit),
            "a purge cannot be written: make some room on the disk, and run it again");
    }

    std::size_t rows_gone() const {
        return report_.users + report_.posts + report_.files + report_.comments + report_.likes;
    }

    void add(const purge_report& gone) {
        report_.users += gone.users;
        report_.posts += gone.posts;
        report_.files += gone.files;
        report_.comments += gone.comments;
        report_.likes += gone.likes;
        report_.media_bytes += gone.media_bytes;
    }

    /// Held up, or failing, it is left to the jobs.
    void remove_bytes(const std::vector<job>& removals) {
        for (const job& each : removals) {
            while (placement_ != nullptr &&
                   placement_->take_step(each).value_or(job_step::waits) == job_step::more) {
            }
        }
    }

    /// Of a purge that was cut short.
    void finish_removals() {
        std::vector<job> removals;
        for (const pending_job& each :
             list_jobs(*store_.snapshot(kv::read_mode::blocking), UINT32_MAX)) {
            if (each.job.kind == job_kind::remove_media) {
                removals.push_back(each.job);
            }
        }
        remove_bytes(removals);
    }

    /// Calls `function` with each deleted row of an index that is over, as it was a moment ago.
    template <class Row, class Function>
    void for_each_over(const Function& function) {
        std::string last;
        for (;;) {
            std::vector<Row> over;
            const bool is_end = read_dead<Row>(last, over);
            for (const Row& row : over) {
                function(row);
            }
            if (is_end) {
                return;
            }
        }
    }

    /// The next deleted rows that are over; whether there are no more.
    template <class Row>
    bool read_dead(std::string& last, std::vector<Row>& over) const {
        options_.watch.advance({.phase = "purge", .done = rows_gone()});
        const auto snapshot = store_.snapshot(kv::read_mode::blocking);
        const auto entries =
            scan_index(*snapshot, {.prefix = index_prefix(index_number<Row>("newest"), false),
                                   .beyond = last,
                                   .limit = rows_per_read});
        for (const entity_id id : ids_of(entries)) {
            auto found = look_up<Row>(*snapshot, id);
            if (found.is_sound() && is_over(found.row, options_.before)) {
                over.push_back(std::move(found.row));
            }
        }
        if (!entries.empty()) {
            last = entries.back().key;
        }
        return entries.size() < rows_per_read;
    }

    /// False: it is gone, or was restored meanwhile, or cannot be read.
    template <class Row>
    bool condemn(entity_id id) {
        return carry_out([&](const kv::reader& reader) -> std::optional<step> {
            const auto found = look_up<Row>(reader, id);
            if (!found.is_sound() || !is_over(found.row, options_.before)) {
                return std::nullopt;
            }
            step made;
            if (found.row.deleted_at != condemned_at) {
                Row condemned = found.row;
                condemned.deleted_at = condemned_at;
                append_update(made.commit, stored<Row>{found.row, found.stamp}, condemned);
            }
            return made;
        });
    }

    void purge_user(entity_id id) {
        if (!condemn<user>(id)) {
            return;
        }
        bool is_whole = purge_under<session>(id, index_number<session>("user"));
        is_whole = purge_under<like>(id, index_number<like>("user")) && is_whole;
        is_whole = purge_under<comment>(id, index_number<comment>("author")) && is_whole;
        is_whole = purge_posts_of(id) && is_whole;
        if (!is_whole) {
            ++report_.left;
            return;
        }
        carry_out([&](const kv::reader& reader) -> std::optional<step> {
            const auto found = look_up<user>(reader, id);
            if (!found.is_sound()) {
                return std::nullopt;
            }
            step made{.commit = {}, .gone = {.users = 1}};
            append_purge(made.commit, reader, stored<user>{found.row, found.stamp});
            made.commit.operations.emplace_back(kv::erase{user_post_count_key(id)});
            return made;
        });
    }

    bool purge_posts_of(entity_id author) {
        bool is_whole = true;
        for (const bool alive : {true, false}) {
            std::string last;
            for (;;) {
                const auto entries =
                    scan_index(*store_.snapshot(kv::read_mode::blocking),
                               {.part = author,
                                .prefix = index_prefix(index_number<post>("author"), alive),
                                .beyond = last,
                                .limit = rows_per_read});
                for (const entity_id id : ids_of(entries)) {
                    is_whole = purge_post_under(id, author) && is_whole;
                }
                if (entries.size() < rows_per_read) {
                    break;
                }
                last = entries.back().key;
            }
        }
        return is_whole;
    }

    void purge_post(entity_id id) {
        if (condemn<post>(id)) {
            report_.left += purge_condemned_post(id) ? 0 : 1;
        }
    }

    /// A post goes with its author, deleted itself or not. Its row is written anew, so that what
    /// was about to be written under it conflicts. True: nothing of it is left.
    bool purge_post_under(entity_id id, entity_id author) {
        bool is_damaged = false;
        const bool is_there = carry_out([&](const kv::reader& reader) -> std::optional<step> {
            const auto found = look_up<post>(reader, id);
            is_damaged = found.presence == presence::damaged;
            if (!found.is_sound() || found.row.author.id != author) {
                return std::nullopt;
            }
            step made;
            append_update(made.commit, stored<post>{found.row, found.stamp}, found.row);
            return made;
        });
        return is_there ? purge_condemned_post(id) : !is_damaged;
    }

    bool purge_condemned_post(entity_id id) {
        bool is_whole = purge_under<like>(id, index_number<like>("post"));
        is_whole = purge_under<comment>(id, index_number<comment>("post")) && is_whole;
        if (!is_whole) {
            return false;
        }
        bool is_damaged = false;
        carry_out([&](const kv::reader& reader) -> std::optional<step> {
            is_damaged = false;
            const auto found = look_up<post>(reader, id);
            if (!found.is_sound()) {
                is_damaged = found.presence == presence::damaged;
                return std::nullopt;
            }
            step made{.commit = {}, .gone = {.posts = 1}};
            if (!append_files_of(made, reader, id)) {
                is_damaged = true;
                return std::nullopt;
            }
            append_purge(made.commit, reader, stored<post>{found.row, found.stamp});
            made.commit.operations.emplace_back(kv::erase{post_counts_key(id)});
            if (!found.row.is_deleted) {
                append_user_post_count(made.commit, found.row.author.id, -1);
            }
            return made;
        });
        return !is_damaged;
    }

    /// False: one of them cannot be read.
    static bool append_files_of(step& made, const kv::reader& reader, entity_id post) {
        std::vector<stored<file>> files;
        for (const bool alive : {true, false}) {
            const std::string prefix = index_prefix(index_number<file>("post"), alive);
            for (const entity_id id : ids_of(
                     scan_index(reader, {.part = post, .prefix = prefix, .limit = UINT32_MAX}))) {
                const auto found = look_up<file>(reader, id);
                if (found.presence == presence::damaged) {
                    return false;
                }
                if (found.is_sound() && found.row.post.id == post) {
                    files.push_back({found.row, found.stamp});
                }
            }
        }
        append_files(made, reader, files);
        return true;
    }

    /// With jobs for their bytes.
    static void append_files(step& made, const kv::reader& reader,
                             std::span<const stored<file>> files) {
        while (!files.empty()) {
            const auto some = files.first(std::min(files.size(), removed_files_per_job_max));
            files = files.subspan(some.size());
            std::vector<std::string> paths;
            for (const stored<file>& each : some) {
                append_purge(made.commit, reader, each);
                ++made.gone.files;
                if (auto path = media_path_of(each.row)) {
                    paths.push_back(std::move(*path));
                    made.gone.media_bytes += static_cast<std::uint64_t>(each.row.size);
                }
            }
            if (!paths.empty()) {
                const entity_id subject = some.front().row.id;
                append_media_removal(made.commit, subject, paths);
                made.removals.push_back({job_kind::remove_media, subject});
            }
        }
    }

    static std::size_t& count_of(purge_report& report, const like& /*row*/) { return report.likes; }
    static std::size_t& count_of(purge_report& report, const comment& /*row*/) {
        return report.comments;
    }

    /// Takes away all rows of an index that is scoped by their parent. True: none is left.
    template <class Row>
    bool purge_under(entity_id parent, std::uint8_t index) {
        bool is_whole = true;
        for (const bool alive : {true, false}) {
            std::string last;
            bool is_end = false;
            while (!is_end) {
                std::string next;
                bool meets_damage = false;
                carry_out([&](const kv::reader& reader) -> std::optional<step> {
                    const auto entries = scan_index(reader, {.part = parent,
                                                             .prefix = index_prefix(index, alive),
                                                             .beyond = last,
                                                             .limit = rows_per_read});
                    is_end = entries.size() < rows_per_read;
                    meets_damage = false;
                    step made;
                    next = append_some<Row>(made, reader, parent, entries, is_end, meets_damage);
                    return made;
                });
                last = next;
                is_whole = is_whole && !meets_damage;
            }
        }
        return is_whole;
    }

    /// As many of the rows as a commit should have; the last entry that was looked at. Clears
    /// `is_end` if that is not the last one of all.
    template <class Row>
    std::string append_some(step& made, const kv::reader& reader, entity_id parent,
                            std::span<const kv::row> entries, bool& is_end, bool& meets_damage) {
        std::string last;
        for (const kv::row& entry : entries) {
            const auto found = look_up<Row>(reader, id_of_index_key(entry.key));
            meets_damage = meets_damage || found.presence == presence::damaged;
            // Not what a stray entry leads to.
            const kv::key key{parent, families::index, entry.key};
            if (found.is_sound() && due_value(found.row, key)) {
                append_purge(made.commit, reader, stored<Row>{found.row, found.stamp});
                if constexpr (!std::is_same_v<Row, session>) {
                    ++count_of(made.gone, found.row);
                }
            }
            last = entry.key;
            if (made.commit.operations.size() >= operations_per_commit) {
                is_end = is_end && &entry == &entries.back();
                break;
            }
        }
        return last;
    }

    /// Rows that were deleted by themselves.
    template <class Row>
    void purge_leaves() {
        std::vector<Row> waiting;
        const auto flush = [&] {
            purge_some_leaves(waiting);
            waiting.clear();
        };
        for_each_over<Row>([&](const Row& row) {
            waiting.push_back(row);
            if (waiting.size() >= removed_files_per_job_max) {
                flush();
            }
        });
        flush();
    }

    template <class Row>
    void purge_some_leaves(const std::vector<Row>& rows) {
        std::span<const Row> rest{rows};
        while (!rest.empty()) {
            std::size_t taken = 0;
            carry_out([&](const kv::reader& reader) -> std::optional<step> {
                step made;
                std::vector<stored<file>> files;
                taken = 0;
                for (const Row& row : rest) {
                    ++taken;
                    const auto found = look_up<Row>(reader, row.id);
                    if (!found.is_sound() || !is_over(found.row, options_.before)) {
                        continue;  // somebody has been faster
                    }
                    if constexpr (std::is_same_v<Row, file>) {
                        files.push_back({found.row, found.stamp});
                    } else {
                        append_purge(made.commit, reader, stored<Row>{found.row, found.stamp});
                        ++count_of(made.gone, found.row);
                    }
                    if (made.commit.operations.size() >= operations_per_commit) {
                        break;
                    }
                }
                append_files(made, reader, files);
                return made;
            });
            rest = rest.subspan(taken);
        }
    }

    kv::store& store_;
    media_placement* placement_;
    const purge_options& options_;
    purge_report report_;
};

}  // namespace

std::string to_text(const purge_report& report) {
    std::string text;
    const auto add = [&text](std::size_t count, std::string_view what) {
        text.append(text.empty() ? "" : ", ").append(std::to_string(count)).append(what);
    };
    add(report.users, " users");
    add(report.posts, " posts");
    add(report.files, " files (" + std::to_string(report.media_bytes) + " bytes)");
    add(report.comments, " comments");
    add(report.likes, " likes");
    if (report.left != 0) {
        add(report.left, " left, since something of them cannot be read: run a check");
    }
    return text;
}

purge_report purge(kv::store& store, media_placement* placement, const purge_options& options) {
    if (options.dry_run) {
        return count_purge(*store.snapshot(kv::read_mode::blocking), options);
    }
    return purger{store, placement, options}.purge();
}

}  // namespace pinhole::storage
