#include "storage/backup/backup.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "storage/backup/backed_up_media.hpp"
#include "storage/backup/durable_file.hpp"
#include "storage/backup/media_list.hpp"
#include "storage/backup/media_placing.hpp"
#include "storage/base/room.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/dump/external_sorter.hpp"
#include "storage/media/media_path.hpp"
#include "storage/media/media_reader.hpp"
#include "storage/restore/data_directory.hpp"

namespace pinhole::storage::backup {

namespace {

namespace fs = std::filesystem;

constexpr mode_t owner_only = 0700;
/// Of a call that looks at all media; beside the lists of backups.
constexpr const char* pool_list_name = "pool.list";

/// As long as it can't be known what a backup needs that is to stay, nothing is removed.
bool are_whole(const backup_folder& folder, const std::vector<kv::backup_id>& kept,
               const kv::log_function& log) {
    for (const kv::backup_id id : kept) {
        try {
            require_whole_list(folder.media_list(id), folder.read(id).media_list_sha256);
        } catch (const backup_damage& damage) {
            log(kv::log_level::warning,
                std::string{damage.what()} +
                    ". As long as it cannot be known which media that backup needs, none are "
                    "removed");
            return false;
        }
    }
    return true;
}

std::vector<fs::path> lists_of(const backup_folder& folder, const std::vector<kv::backup_id>& ids) {
    std::vector<fs::path> lists;
    lists.reserve(ids.size());
    for (const kv::backup_id id : ids) {
        lists.push_back(folder.media_list(id));
    }
    return lists;
}

/// Those of `all` that are not in `some`; both ascending.
std::vector<kv::backup_id> without(std::vector<kv::backup_id> all,
                                   const std::vector<kv::backup_id>& some) {
    std::erase_if(all, [&](kv::backup_id id) { return std::ranges::binary_search(some, id); });
    return all;
}

/// All that lies in the pool, as a list. What is no medium is not ours.
void list_pool(const backup_folder& folder, const fs::path& list_path) {
    constexpr std::size_t sorter_bytes = std::size_t{16} << 20U;
    dump::external_sorter sorter{folder.path(), sorter_bytes};
    for (const auto& entry : fs::recursive_directory_iterator{folder.media()}) {
        const std::string path = entry.path().lexically_relative(folder.media()).string();
        if (!entry.is_directory() && media::is_media_path(path)) {
            sorter.add(path, {});
        }
    }
    sorter.finish();
    media_list_writer list{list_path};
    while (const auto sorted = sorter.next()) {
        list.append({.path = std::string{sorted->key}});
    }
    list.finish();
}

/// Removes what is in one of the lists and what no backup needs that is kept.
void remove_listed(const backup_folder& folder, const media_tree& pool,
                   const std::vector<fs::path>& lists, const std::vector<kv::backup_id>& kept) {
    for_each_difference(lists, lists_of(folder, kept),
                        [&](const std::string& path) { pool.remove(path); });
}

void remove_media_of(const backup_folder& folder, const std::vector<kv::backup_id>& dropped,
                     const std::vector<kv::backup_id>& kept, const kv::log_function& log) {
    if (!are_whole(folder, kept, log)) {
        return;
    }
    const media_tree pool{folder.media(), owner_only};
    pool.remove_unfinished();
    try {
        remove_listed(folder, pool, lists_of(folder, dropped), kept);
    } catch (const backup_damage& damage) {
        log(kv::log_level::warning,
            std::string{damage.what()} + ", but of no backup any more: all media are looked at");
        const fs::path all = folder.records() / pool_list_name;
        list_pool(folder, all);
        remove_listed(folder, pool, {all}, kept);
    }
    pool.sync();
    for (const kv::backup_id id : dropped) {
        fs::remove(folder.media_list(id));
    }
    fs::remove(folder.records() / pool_list_name);
}

void remove_aside(const fs::path& records) {
    std::vector<fs::path> unfinished;
    for (const auto& entry : fs::directory_iterator{records}) {
        if (entry.path().extension() == aside_extension ||
            entry.path().filename() == pool_list_name) {
            unfinished.push_back(entry.path());
        }
    }
    for (const fs::path& each : unfinished) {
        fs::remove(each);
    }
}

}  // namespace

void remove_leftovers(const backup_folder& folder, const kv::log_function& log) {
    const auto kept = folder.ids();
    remove_aside(folder.records());
    const auto databases = without(kv::list_backups(folder.database()), kept);
    kv::remove_backups(folder.database(), databases);
    for (const kv::backup_id id : without(folder.ids_of(".key"), kept)) {
        fs::remove(folder.secret_key(id));
    }
    const auto dropped = without(folder.ids_of(".media"), kept);
    if (!dropped.empty()) {
        remove_media_of(folder, dropped, kept, log);
    }
    sync_folder(folder.records());
}

backup_writer::backup_writer(const backup_folder& folder, backup_options options,
                             const work_watch& watch)
    : folder_(folder), options_(std::move(options)), watch_(watch) {
    remove_leftovers(folder_, options_.log);
}

/// A disk that is full because of it must not stay so until the next backup.
backup_writer::~backup_writer() {
    if (!is_done_) {
        try {
            remove_leftovers(folder_, options_.log);
        } catch (const std::exception& failure) {
            options_.log(
                kv::log_level::warning,
                std::string{"what was begun stays until the next backup: "} + failure.what());
        }
    }
}

void backup_writer::add_rows(const kv::read_only_store& rows) {
    const auto reader = rows.snapshot();
    backup_record& made = report_.made;
    dump::for_each_dumped(
        [&]<class Row>() { made.rows_about += reader->approximate_rows(schema<Row>::family); });
    work_progress progress{.phase = "database", .counts_bytes = true};
    const auto facts = kv::add_backup(folder_.database(), rows, [&](std::uint64_t bytes) {
        progress.done += bytes;
        watch_.advance(progress);
    });
    made.id = facts.id;
    made.created_at = to_rfc3339(options_.at);
    made.server_version = options_.server_version;
    made.schema_version = schema_version;
    made.database_bytes = facts.bytes;
    made.database_new_bytes = facts.new_bytes;
    list_media(*reader);
}

/// Before any is added: by its list, what is left of a backup that is cut short is found.
void backup_writer::list_media(const kv::reader& reader) {
    const media::media_reader media{options_.data_dir / "media"};
    const media_tree pool{folder_.media(), owner_only};
    media_list_writer list{folder_.media_list(report_.made.id)};
    backup_record& made = report_.made;
    for_each_named_medium(reader, folder_.path(), watch_, [&](listed_medium medium) {
        const auto fits = [&](const std::optional<media::open_file>& file) {
            return file && (medium.size_bytes == 0 || file->size_bytes == medium.size_bytes);
        };
        auto found = pool.open(medium.path);
        const bool is_new = !fits(found);
        if (is_new) {
            found = media.open_any(medium.path);
        }
        if (!fits(found)) {
            ++made.media_missing;
            report_.bad_media.add(medium.path + (found
                                                     ? " has " + std::to_string(found->size_bytes) +
                                                           " bytes, its row says " +
                                                           std::to_string(medium.size_bytes)
                                                     : std::string{" is missing"}));
            return;
        }
        medium.size_bytes = found->size_bytes;
        ++made.media_files;
        made.media_bytes += medium.size_bytes;
        made.media_new_files += is_new ? 1 : 0;
        made.media_new_bytes += is_new ? medium.size_bytes : 0;
        list.append(medium);
    });
    made.media_list_sha256 = list.finish();
}

void backup_writer::require_room() const {
    if (!are_on_one_mount(folder_.media(), options_.data_dir / "media" / "public")) {
        storage::require_room(folder_.media(), report_.made.media_new_bytes, "the new media");
    }
}

void backup_writer::add_media() {
    const media::media_reader media{options_.data_dir / "media"};
    media_tree pool{folder_.media(), owner_only};
    work_progress progress{
        .phase = "media", .total = report_.made.media_new_bytes, .counts_bytes = true};
    media_list_reader list{folder_.media_list(report_.made.id)};
    while (const auto medium = list.next()) {
        watch_.advance(progress);
        const auto before = pool.open(medium->path);
        if (before && before->size_bytes == medium->size_bytes) {
            continue;
        }
        const auto file = media.open_any(medium->path);
        if (!file || file->size_bytes != medium->size_bytes) {
            throw std::runtime_error{medium->path + " was removed while it was to be backed up"};
        }
        std::uint64_t copied = 0;
        const std::string sum = pool.take(*file, medium->path, [&](std::uint64_t bytes) {
            copied += bytes;
            watch_.advance({.phase = progress.phase,
                            .done = progress.done + copied,
                            .total = progress.total,
                            .counts_bytes = true});
        });
        progress.done += medium->size_bytes;
        if (!sum.empty() && !medium->sha256.empty() && sum != medium->sha256) {
            report_.bad_media.add(medium->path +
                                  " has another SHA-256 than its row says; it is "
                                  "backed up as it is");
        }
    }
    if (report_.made.media_new_files != 0) {
        pool.sync();
    }
}

void backup_writer::add_secret_key() {
    const fs::path path = options_.data_dir / "secret.key";
    if (fs::exists(path)) {
        const std::string key = read_whole(path);
        write_durably(folder_.secret_key(report_.made.id), key);
        report_.made.secret_key_sha256 = sha256_of(key);
    }
}

backup_report backup_writer::finish() {
    require_room();
    add_media();
    add_secret_key();
    write_durably(folder_.record(report_.made.id), to_json(report_.made));
    is_done_ = true;
    drop_old();
    return std::move(report_);
}

/// Whether it is told by its secret key to be of this database. Of a damaged record nobody knows.
bool backup_writer::is_of_this_database(kv::backup_id id) const {
    try {
        return folder_.read(id).secret_key_sha256 == report_.made.secret_key_sha256;
    } catch (const backup_damage&) {
        return false;
    }
}

/// Without its record it is no backup any more, and what is left of it is as that of one that was
/// cut short. What another database has left here is not this one's to drop: perhaps it is the one
/// that should have been backed up.
void backup_writer::drop_old() {
    if (!options_.keep) {
        return;
    }
    auto ids = folder_.ids();
    const auto others = std::erase_if(ids, [this](auto id) { return !is_of_this_database(id); });
    report_.of_others = others;
    if (ids.size() <= *options_.keep) {
        return;
    }
    ids.resize(ids.size() - *options_.keep);
    for (const kv::backup_id id : ids) {
        fs::remove(folder_.record(id));
    }
    sync_folder(folder_.records());
    report_.dropped = std::move(ids);
    remove_leftovers(folder_, options_.log);
}

}  // namespace pinhole::storage::backup
