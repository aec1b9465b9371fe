#include "storage/maintenance/repair.hpp"

#include <algorithm>
#include <optional>

#include "storage/maintenance/media_facts.hpp"
#include "storage/maintenance/mend.hpp"
#include "storage/maintenance/row_walk.hpp"
#include "storage/maintenance/try_commit.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

namespace {

/// Each pass mends what the ones before have brought to light; two or three do.
constexpr std::size_t passes_max = 8;
/// Of one mend, against writers that are faster each time.
constexpr int attempts_max = 1000;

/// Sorts like the instant, and is a name on every file system.
std::string to_folder_name(timestamp at) {
    std::string name = to_rfc3339(at);
    std::ranges::replace(name, ':', '-');
    return name;
}

class repairer {
public:
    repairer(kv::store& store, const std::filesystem::path& media_root, media_placement* placement,
             const repair_options& options)
        : store_(store),
          placement_(placement),
          options_(options),
          media_root_(media_root),
          trees_(media_root),
          quarantine_(options.quarantine / to_folder_name(options.at)) {}

    repair_report repair() {
        check_options checks{.hash = options_.hash, .watch = options_.watch};
        checks.on_finding = [this](const finding& found) { mend(found); };
        for (;;) {
            const std::size_t before = report_.actions;
            report_.check = check_all(store_, media_root_, checks);
            ++report_.passes;
            if (!options_.yes || report_.actions == before || report_.passes == passes_max) {
                return std::move(report_);
            }
        }
    }

private:
    void mend(const finding& found) {
        if (!is_mendable(found.kind)) {
            return;
        }
        switch (found.kind) {
            case finding_kind::wrong_tree:
                mend_place(found);
                return;
            case finding_kind::both_trees:
                if (placement_ != nullptr) {
                    placement_->in_turn([&] { mend_copies(found); });
                }
                return;
            case finding_kind::stray_bytes:
                mend_stray_bytes(found);
                return;
            case finding_kind::stray_upload:
                put_aside(found.kind, found.path);
                return;
            default:
                mend_rows(found);
        }
    }

    void mend_rows(const finding& found) {
        for (int attempt = 0; attempt < attempts_max; ++attempt) {
            std::optional<storage::mend> made;
            try {
                made = plan_mend(*store_.snapshot(kv::read_mode::blocking), found);
            } catch (const corrupt_row&) {
                return;  // what it takes to know cannot be read, which the check reports
            }
            if (!made) {
                return;
            }
            if (!options_.yes || commits(std::move(made->commit))) {
                add_action(found.kind, made->text);
                return;
            }
        }
    }

    /// False: something has changed meanwhile.
    bool commits(kv::commit commit) {
        return try_commit(store_, std::move(commit),
                          "what is to be mended cannot be written: is the disk full? Run it again");
    }

    /// The facts, if they still are what was found.
    std::optional<media_facts> find_again(const finding& found) const {
        auto facts = read_media_facts(*store_.snapshot(kv::read_mode::blocking), found.id);
        if (!facts || facts->is_moving) {
            return std::nullopt;
        }
        const auto problem = find_media_problem(trees_, facts->row, facts->media_path,
                                                facts->is_visible, options_.hash);
        return problem && problem->kind == found.kind ? std::move(facts) : std::nullopt;
    }

    /// By a job of the post, as if it had just been deleted or restored.
    void mend_place(const finding& found) {
        const auto facts = find_again(found);
        if (!facts || has_second_copy(facts->row.post.id)) {
            return;
        }
        const job move{job_kind::place_post_media, facts->row.post.id};
        if (options_.yes) {
            kv::commit commit;
            append_job(commit, move);
            if (!commits(std::move(commit))) {
                return;
            }
            take_steps(move);
        }
        add_action(found.kind, (facts->is_visible ? "shows " : "hides ") + found.path);
    }

    void take_steps(const job& move) {
        if (placement_ == nullptr) {
            return;  // whoever serves does
        }
        for (;;) {
            const auto step = placement_->take_step(move);
            if (!step) {
                throw kv::storage_failure{"media cannot be moved: " + step.error().message};
            }
            if (*step != job_step::more) {
                return;
            }
        }
    }

    /// Moving a file would take the place of its second copy, which may be the good one.
    bool has_second_copy(entity_id post) const {
        const auto snapshot = store_.snapshot(kv::read_mode::blocking);
        bool has = false;
        for (const bool alive : {true, false}) {
            const std::string prefix = index_prefix(index_number<file>("post"), alive);
            for (const entity_id id : ids_of(scan_index(
                     *snapshot, {.part = post, .prefix = prefix, .limit = rows_per_walk}))) {
                const auto facts = read_media_facts(*snapshot, id);
                has = has || (facts && trees_.find(media::tree_kind::visible, facts->media_path) &&
                              trees_.find(media::tree_kind::hidden, facts->media_path));
            }
        }
        return has;
    }

    /// The copy in the right tree stays, if it is what was uploaded; else the other one does, if
    /// that is.
    void mend_copies(const finding& found) {
        const auto facts = find_again(found);
        if (!facts) {
            return;
        }
        const auto right = facts->is_visible ? media::tree_kind::visible : media::tree_kind::hidden;
        const auto wrong = facts->is_visible ? media::tree_kind::hidden : media::tree_kind::visible;
        if (is_what_was_uploaded(*facts, right)) {
            put_aside(found.kind, media::to_path(wrong, facts->media_path));
        } else if (is_what_was_uploaded(*facts, wrong)) {
            put_aside(found.kind, media::to_path(right, facts->media_path));
        }
    }

    bool is_what_was_uploaded(const media_facts& facts, media::tree_kind tree) const {
        const auto found = trees_.find(tree, facts.media_path);
        return found && found->is_regular &&
               found->size_bytes == static_cast<std::uint64_t>(facts.row.size) &&
               (facts.row.sha256.empty() ||
                trees_.hash(tree, facts.media_path) == facts.row.sha256);
    }

    /// No row has come to name it since: a path is an upload's own, which has a marker first.
    void mend_stray_bytes(const finding& found) {
        const std::string media_path = found.path.substr(found.path.find('/') + 1);
        if (trees_.has_marker(media_path) || has_damaged_file()) {
            return;
        }
        put_aside(found.kind, found.path);
    }

    /// Whether there is a file's row that nobody can read: it may name whatever looks stray.
    bool has_damaged_file() {
        if (!has_damaged_file_) {
            bool is_damaged = false;
            walk_family(*store_.snapshot(kv::read_mode::blocking), families::files,
                        [&](std::span<const kv::located_row> batch) {
                            is_damaged =
                                is_damaged || std::ranges::any_of(batch, [](const auto& e) {
                                    return !read_row<file>(e).has_value();
                                });
                        });
            has_damaged_file_ = is_damaged;
        }
        return *has_damaged_file_;
    }

    void put_aside(finding_kind kind, const std::string& path) {
        if (options_.yes ? trees_.put_aside(path, quarantine_) : trees_.is_there(path)) {
            add_action(kind, "puts aside " + path);
        }
    }

    void add_action(finding_kind kind, std::string text) {
        ++report_.actions;
        if (options_.on_action) {
            options_.on_action({kind, std::move(text)});
        }
    }

    kv::store& store_;
    media_placement* placement_;
    const repair_options& options_;
    std::filesystem::path media_root_;
    media::media_trees trees_;
    std::filesystem::path quarantine_;
    std::optional<bool> has_damaged_file_;
    repair_report report_;
};

}  // namespace

repair_report repair(kv::store& store, const std::filesystem::path& media_root,
                     media_placement* placement, const repair_options& options) {
    return repairer{store, media_root, placement, options}.repair();
}

}  // namespace pinhole::storage
