#include "storage/maintenance/repair.hpp"

#include <algorithm>
#include <optional>

#include "storage/maintenance/media_facts.hpp"
#include "storage/maintenance/mend.hpp"
#include "storage/maintenance/row_walk.hpp"
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
    repairer(kv::store& store, media::media_store& media, media_placement& placement,
             const repair_options& options)
        : store_(store),
          media_(media),
          placement_(placement),
          options_(options),
          trees_(media.root()),
          quarantine_(options.quarantine / to_folder_name(options.at)) {}

    repair_report repair() {
        check_options checks{.hash = options_.hash, .watch = options_.watch};
        checks.on_finding = [this](const finding& found) { mend(found); };
        for (;;) {
            const std::size_t before = report_.actions;
            report_.check = check_all(store_, media_, checks);
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
            case finding_kind::both_trees:
                placement_.in_turn([&] { mend_place(found); });
                return;
            case finding_kind::stray_bytes:
                placement_.in_turn([&] { mend_stray_bytes(found); });
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
        switch (store_.submit_and_wait(std::move(commit))) {
            case kv::outcome::ok:
                return true;
            case kv::outcome::conflict:
            case kv::outcome::exists:
                return false;
            case kv::outcome::unknown:
            case kv::outcome::unavailable:
                break;
        }
        throw kv::storage_failure{
            "what is to be mended cannot be written: is the disk full? Run it again"};
    }

    void mend_place(const finding& found) {
        const auto facts =
            read_media_facts(*store_.snapshot(kv::read_mode::blocking), found.id);
        if (!facts || facts->is_moving) {
            return;
        }
        const auto problem = find_media_problem(trees_, facts->row, facts->media_path,
                                                facts->is_visible, options_.hash);
        if (!problem) {
            return;
        }
        if (problem->kind == finding_kind::wrong_tree) {
            move(*facts);
        } else if (problem->kind == finding_kind::both_trees) {
            choose(*facts);
        }
    }

    /// Only the file itself: moving another's might take the place of a second copy.
    void move(const media_facts& facts) {
        const auto from =
            facts.is_visible ? media::tree_kind::hidden : media::tree_kind::visible;
        if (options_.yes) {
            const auto moved = facts.is_visible ? media_.show(facts.media_path)
                                                : media_.hide(facts.media_path);
            if (!moved) {
                throw kv::storage_failure{"media cannot be moved: the disk is full"};
            }
        }
        add_action(finding_kind::wrong_tree,
                   (facts.is_visible ? "shows " : "hides ") +
                       media::to_path(from, facts.media_path));
    }

    /// The copy in the right tree stays, if it is what was uploaded; else the other one takes its
    /// place, if that is.
    void choose(const media_facts& facts) {
        const auto right = facts.is_visible ? media::tree_kind::visible : media::tree_kind::hidden;
        const auto wrong = facts.is_visible ? media::tree_kind::hidden : media::tree_kind::visible;
        if (is_what_was_uploaded(facts, right)) {
            put_aside(finding_kind::both_trees, media::to_path(wrong, facts.media_path));
        } else if (is_what_was_uploaded(facts, wrong)) {
            put_aside(finding_kind::both_trees, media::to_path(right, facts.media_path));
            move(facts);
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
                            is_damaged = is_damaged || std::ranges::any_of(batch, [](const auto& e) {
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
    media::media_store& media_;
    media_placement& placement_;
    const repair_options& options_;
    media::media_trees trees_;
    std::filesystem::path quarantine_;
    std::optional<bool> has_damaged_file_;
    repair_report report_;
};

}  // namespace

repair_report repair(kv::store& store, media::media_store& media, media_placement& placement,
                     const repair_options& options) {
    return repairer{store, media, placement, options}.repair();
}

}  // namespace pinhole::storage
