// stats: what the database holds, and how it does.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "storage/jobs.hpp"
#include "storage/kv/statistics.hpp"
#include "storage/posts.hpp"
#include "storage/query/catalog.hpp"
#include "storage/visibility.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/display.hpp"
#include "tools/admin/object_names.hpp"
#include "tools/admin/unit_of_work.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

constexpr std::uint32_t entries_per_read = 4096;
constexpr std::uint64_t files_per_report = 256;

struct row_counts {
    std::string_view name;
    std::uint64_t alive = 0;
    std::uint64_t deleted = 0;
};

struct file_counts {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};

struct findings {
    std::vector<row_counts> rows;
    kv::store_statistics store;
    file_counts shown;     ///< of media
    file_counts hidden;    ///< of what is deleted
    file_counts incoming;  ///< uploads in progress
    std::uint64_t disk_free_bytes = 0;
    std::uint64_t disk_bytes = 0;
    std::uint64_t jobs_waiting = 0;
    std::optional<storage::post_view> newest_post;
    bool is_served = false;
};

/// Alive and deleted rows lie apart in the index by time.
std::uint64_t count_entries(const kv::reader& reader, const std::string& prefix,
                            const std::function<void(std::uint64_t)>& advance) {
    std::uint64_t count = 0;
    std::string last;
    for (;;) {
        const auto entries = storage::scan_index(
            reader, {.prefix = prefix, .beyond = last, .limit = entries_per_read});
        count += entries.size();
        advance(count);
        if (entries.size() < entries_per_read) {
            return count;
        }
        last = entries.back().key;
    }
}

row_counts count_rows(const kv::reader& reader, const storage::query::entity_entry& entity,
                      const storage::work_watch& watch) {
    const std::uint64_t total = reader.approximate_rows(entity.family);
    row_counts counts{.name = entity.name};
    counts.alive = count_entries(
        reader, storage::index_prefix(entity.newest_index, true), [&](std::uint64_t done) {
            watch.advance({.phase = entity.name, .done = done, .total = total});
        });
    counts.deleted = count_entries(
        reader, storage::index_prefix(entity.newest_index, false), [&](std::uint64_t done) {
            watch.advance({.phase = entity.name, .done = counts.alive + done, .total = total});
        });
    return counts;
}

std::uint64_t count_jobs(const kv::reader& reader) {
    std::uint64_t count = 0;
    std::optional<storage::job> last;
    for (;;) {
        const auto jobs = storage::list_jobs(reader, entries_per_read, last ? &*last : nullptr);
        count += jobs.size();
        if (jobs.size() < entries_per_read) {
            return count;
        }
        last = jobs.back().job;
    }
}

/// The newest that can be seen: those of deleted accounts are stepped over.
std::optional<storage::post_view> find_newest_post(const kv::reader& reader) {
    const auto& posts = storage::query::describe(storage::query::entity::post);
    storage::row_reader rows{reader};
    std::string last;
    for (;;) {
        const auto entries =
            storage::scan_index(reader, {.prefix = storage::index_prefix(posts.newest_index, true),
                                         .beyond = last,
                                         .limit = 16,
                                         .reverse = true});
        for (const storage::entity_id id : storage::ids_of(entries)) {
            if (const auto* found = rows.visible_post(id)) {
                return storage::to_post_view(rows, 0, found->row);
            }
        }
        if (entries.empty()) {
            return std::nullopt;
        }
        last = entries.back().key;
    }
}

/// Files come and go meanwhile: what is gone is not counted.
file_counts count_files(const std::filesystem::path& folder, std::string_view phase,
                        const storage::work_watch& watch) {
    file_counts counts;
    std::error_code gone;
    for (auto at = std::filesystem::recursive_directory_iterator{folder, gone};
         !gone && at != std::filesystem::recursive_directory_iterator{}; at.increment(gone)) {
        std::error_code ignored;
        if (at->is_regular_file(ignored)) {
            const auto bytes = at->file_size(ignored);
            counts.bytes += ignored ? 0 : bytes;
            if (++counts.files % files_per_report == 0) {
                watch.advance({.phase = phase, .done = counts.files});
            }
        }
    }
    if (gone && gone != std::errc::no_such_file_or_directory) {
        throw std::system_error{gone, "reading " + folder.string()};
    }
    return counts;
}

findings find_out(word_context& context) {
    const auto opened = open_local_or_remote(context);
    const auto reader = opened->store().snapshot(kv::read_mode::blocking);
    const storage::work_watch watch = context.watch();
    findings found;
    found.is_served = opened->is_served();
    for (const auto& entity : storage::query::all_entities()) {
        found.rows.push_back(count_rows(*reader, entity, watch));
    }
    if (const auto* source = kv::statistics_of(opened->store())) {
        found.store = source->statistics();
    }
    const auto media = context.data_dir / "media";
    found.shown = count_files(media / "public", "public media", watch);
    found.hidden = count_files(media / "hidden", "hidden media", watch);
    found.incoming = count_files(media / "incoming", "incoming media", watch);
    found.jobs_waiting = count_jobs(*reader);
    found.newest_post = find_newest_post(*reader);
    struct statvfs disk{};
    if (::statvfs(context.data_dir.c_str(), &disk) != 0) {
        throw std::system_error{errno, std::generic_category(),
                                "statvfs " + context.data_dir.string()};
    }
    found.disk_free_bytes = std::uint64_t{disk.f_bavail} * disk.f_frsize;
    found.disk_bytes = std::uint64_t{disk.f_blocks} * disk.f_frsize;
    return found;
}

nlohmann::ordered_json to_json(const file_counts& counts) {
    return {{"files", counts.files}, {"bytes", counts.bytes}};
}

nlohmann::ordered_json to_json(const findings& found) {
    nlohmann::ordered_json json;
    json["served"] = found.is_served;
    for (const row_counts& each : found.rows) {
        json["rows"][std::string{each.name}] = {{"alive", each.alive}, {"deleted", each.deleted}};
    }
    for (const kv::family_statistics& each : found.store.families) {
        json["families"][each.name] = {{"approximate_rows", each.approximate_rows},
                                       {"disk_bytes", each.disk_bytes},
                                       {"memory_bytes", each.memory_bytes},
                                       {"files", each.files}};
    }
    json["cache"] = {{"bytes", found.store.cache_bytes},
                     {"bytes_max", found.store.cache_bytes_max}};
    json["log_bytes"] = found.store.log_bytes;
    json["compaction"] = {{"pending_bytes", found.store.compaction_pending_bytes},
                          {"running", found.store.compactions_running},
                          {"flushes_running", found.store.flushes_running}};
    json["media"] = {{"public", to_json(found.shown)},
                     {"hidden", to_json(found.hidden)},
                     {"incoming", to_json(found.incoming)}};
    json["disk"] = {{"free_bytes", found.disk_free_bytes}, {"bytes", found.disk_bytes}};
    json["jobs_waiting"] = found.jobs_waiting;
    json["newest_post"] = nullptr;
    if (found.newest_post) {
        json["newest_post"] = {
            {"id", std::to_string(found.newest_post->row.id)},
            {"created_at", storage::to_rfc3339(found.newest_post->row.created_at)}};
    }
    return json;
}

std::string to_row(std::string_view name, std::initializer_list<std::string> cells) {
    std::string line = pad_right(std::string{name}, 18);
    for (const std::string& cell : cells) {
        line += pad_left(cell, 13);
    }
    return line + '\n';
}

std::string to_text(const file_counts& counts) {
    return fmt::format("{} files, {}", with_separators(counts.files), to_size_text(counts.bytes));
}

std::string to_line(std::string_view name, std::string_view text) {
    return fmt::format("{:<18} {}\n", name, text);
}

std::string to_text(const findings& found) {
    std::string text = to_row("rows", {"alive", "deleted"});
    for (const row_counts& each : found.rows) {
        text += to_row(each.name, {with_separators(each.alive), with_separators(each.deleted)});
    }
    text += '\n' + to_row("store", {"keys, about", "on disk", "in memory", "files"});
    std::uint64_t disk = 0;
    for (const kv::family_statistics& each : found.store.families) {
        disk += each.disk_bytes;
        text += to_row(each.name,
                       {with_separators(each.approximate_rows), to_size_text(each.disk_bytes),
                        to_size_text(each.memory_bytes), with_separators(each.files)});
    }
    text += '\n';
    text += to_line("tables on disk", to_size_text(disk));
    text += to_line("write-ahead log", to_size_text(found.store.log_bytes));
    text += to_line("block cache", fmt::format("{} of {}", to_size_text(found.store.cache_bytes),
                                               to_size_text(found.store.cache_bytes_max)));
    text += to_line("compaction",
                    fmt::format("{} pending, {} running; {} flushes running",
                                to_size_text(found.store.compaction_pending_bytes),
                                found.store.compactions_running, found.store.flushes_running));
    text += to_line("media, public", to_text(found.shown));
    text += to_line("media, hidden", to_text(found.hidden));
    text += to_line("media, incoming", to_text(found.incoming));
    text += to_line("disk", fmt::format("{} free of {}", to_size_text(found.disk_free_bytes),
                                        to_size_text(found.disk_bytes)));
    text += to_line("jobs waiting", with_separators(found.jobs_waiting));
    text += to_line("newest post",
                    found.newest_post
                        ? fmt::format("{} · {}", to_name(*found.newest_post),
                                      storage::to_rfc3339(found.newest_post->row.created_at))
                        : "none");
    text += to_line("server", found.is_served ? "running" : "not running");
    return text;
}

exit_code show_stats(word_context& context) {
    const findings found = find_out(context);
    context.out.result(context.out.is_json() ? to_json(found).dump() + '\n' : to_text(found));
    return exit_code::done;
}

}  // namespace

void add_stats(word_list& words) {
    words.add("stats",
              "Counts rows and media files, and says what the store takes of disk and memory",
              show_stats);
}

}  // namespace pinhole::admin
