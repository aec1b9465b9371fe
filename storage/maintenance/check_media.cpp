// The media part of the check (check.hpp).
#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_set>

#include "storage/maintenance/media_facts.hpp"
#include "storage/maintenance/parent_cache.hpp"
#include "storage/media/media_path.hpp"
#include "storage/visibility.hpp"

namespace pinhole::storage {

namespace {

/// A file that keeps being moved is no finding.
constexpr int looks_max = 10;
constexpr std::uint32_t files_per_snapshot = 1024;
constexpr std::size_t paths_per_look = 1024;
/// Strays that are asked for in one walk over the rows.
constexpr std::size_t candidates_max = 10'000;

class media_check {
public:
    media_check(check_report& report, const kv::store& store,
                const std::filesystem::path& media_root, const check_options& options)
        : report_(report), store_(store), trees_(media_root), options_(options) {}

    void check() {
        check_files();
        check_tree(media::tree_kind::visible);
        check_tree(media::tree_kind::hidden);
        confirm_strays();
        check_incoming();
    }

private:
    /// A snapshot for some files each: reading all the bytes may take hours.
    void check_files() {
        std::optional<kv::key> beyond;
        for (;;) {
            const auto snapshot = store_.snapshot(kv::read_mode::blocking);
            const auto found =
                snapshot->walk(families::files, beyond ? &*beyond : nullptr, files_per_snapshot);
            parent_cache<post> posts{*snapshot};
            parent_cache<user> users{*snapshot};
            for (const kv::located_row& each : found) {
                if (const auto row = read_row<file>(each)) {
                    check_file(row->row, posts, users);
                }
            }
            if (found.size() < files_per_snapshot) {
                return;
            }
            beyond = {found.back().part, families::files, found.back().row.key};
        }
    }

    void check_file(const file& row, parent_cache<post>& posts, parent_cache<user>& users) {
        const auto media_path = media_path_of(row);
        if (!media_path) {
            return;
        }
        options_.watch.advance({.phase = "media", .done = ++report_.media_files});
        const parent_state owner = posts.find(row.post.id);
        if (owner.presence != presence::sound) {
            return;
        }
        const bool is_visible =
            !row.is_deleted && owner.is_alive() && users.find(owner.author).is_alive();
        if (find_media_problem(trees_, row, *media_path, is_visible, options_.hash)) {
            look_again(row.id);
        } else {
            report_.media_bytes += static_cast<std::uint64_t>(row.size);
        }
    }

    /// What looked wrong may have been moved meanwhile, or is about to be.
    void look_again(entity_id id) {
        for (int look = 0; look < looks_max; ++look) {
            const auto before = read_media_facts(*store_.snapshot(kv::read_mode::blocking), id);
            if (!before || before->is_moving) {
                return;
            }
            const auto problem = find_media_problem(trees_, before->row, before->media_path,
                                                    before->is_visible, options_.hash);
            if (!problem) {
                return;
            }
            const auto after = read_media_facts(*store_.snapshot(kv::read_mode::blocking), id);
            if (after && before->is_same_state(*after)) {
                report({.kind = problem->kind,
                        .entity = schema<file>::name,
                        .id = id,
                        .path = problem->path,
                        .message = name_of<file>(id) + problem->text});
                return;
            }
        }
    }

    void check_tree(media::tree_kind tree) {
        std::vector<std::string> paths;
        std::uint64_t done = 0;
        trees_.for_each(tree, [&](std::string path) {
            paths.push_back(std::move(path));
            if (paths.size() == paths_per_look) {
                done += paths.size();
                options_.watch.advance({.phase = "files on disk", .done = done});
                collect_candidates(tree, paths);
                paths.clear();
            }
        });
        collect_candidates(tree, paths);
    }

    /// By the unique entries, which may be damaged themselves.
    void collect_candidates(media::tree_kind tree, const std::vector<std::string>& paths) {
        const auto snapshot = store_.snapshot(kv::read_mode::blocking);
        const row_reader rows{*snapshot};
        for (const std::string& path : paths) {
            if (!names_media(rows, path)) {
                candidates_.push_back({tree, path});
            }
        }
        if (candidates_.size() >= candidates_max) {
            confirm_strays();
        }
    }

    static bool names_media(const row_reader& rows, const std::string& path) {
        if (!media::is_media_path(path)) {
            return false;
        }
        const std::string url = media::to_media_url(path);
        try {
            const auto entry = rows.find_unique(file_url_unique_key(url));
            const auto found = entry ? look_up<file>(rows.raw(), entry->id) : looked_up<file>{};
            return found.presence == presence::damaged ||
                   (found.is_sound() && found.row.url == url);
        } catch (const corrupt_row&) {
            return false;
        }
    }

    /// In this order: an upload has its marker before its public name, and its row before the
    /// marker goes.
    void confirm_strays() {
        std::erase_if(candidates_,
                      [this](const candidate& each) { return trees_.has_marker(each.media_path); });
        if (!candidates_.empty()) {
            const auto snapshot = store_.snapshot(kv::read_mode::blocking);
            const auto named = named_media(*snapshot);
            for (const candidate& each : candidates_) {
                const std::string path = media::to_path(each.tree, each.media_path);
                if (!named.contains(each.media_path) && trees_.is_there(path)) {
                    report({.kind = finding_kind::stray_bytes,
                            .path = path,
                            .message = path + " is in no row"});
                }
            }
        }
        candidates_.clear();
    }

    /// Those of the candidates that a row names after all, or that a job is about to remove.
    std::unordered_set<std::string> named_media(const kv::reader& reader) const {
        std::unordered_set<std::string> wanted;
        for (const candidate& each : candidates_) {
            wanted.insert(each.media_path);
        }
        std::unordered_set<std::string> named;
        walk_rows<file>(reader, [&](const stored<file>& found) {
            const auto media_path = media_path_of(found.row);
            if (media_path && wanted.contains(*media_path)) {
                named.insert(*media_path);
            }
        });
        for (const pending_job& each : list_jobs(reader, UINT32_MAX)) {
            if (each.job.kind == job_kind::remove_media) {
                std::ranges::copy(media_paths_of(each), std::inserter(named, named.end()));
            }
        }
        return named;
    }

    void check_incoming() {
        for (const std::string& name : trees_.incoming()) {
            if (!media::is_token(name) && !media::is_marker(name)) {
                report({.kind = finding_kind::stray_upload,
                        .path = "incoming/" + name,
                        .message = "incoming/" + name + " is no upload's"});
            }
        }
    }

    void report(finding found) {
        if (options_.on_finding) {
            options_.on_finding(found);
        }
        report_.add(std::move(found));
    }

    struct candidate {
        media::tree_kind tree;
        std::string media_path;
    };

    check_report& report_;
    const kv::store& store_;
    media::media_trees trees_;
    const check_options& options_;
    std::vector<candidate> candidates_;
};

}  // namespace

void check_media(check_report& report, const kv::store& store,
                 const std::filesystem::path& media_root, const check_options& options) {
    media_check{report, store, media_root, options}.check();
}

}  // namespace pinhole::storage
