#include "storage/backup/prune.hpp"

#include <algorithm>
#include <utility>

#include "storage/backup/backup_damage.hpp"
#include "storage/backup/durable_file.hpp"
#include "storage/backup/media_list.hpp"
#include "storage/backup/media_placing.hpp"
#include "storage/dump/external_sorter.hpp"
#include "storage/kv/backup.hpp"
#include "storage/media/media_path.hpp"
#include "storage/restore/data_directory.hpp"

namespace pinhole::storage::backup {

namespace {

namespace fs = std::filesystem;

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
    const media_tree pool{folder.media(), backup_folder::folder_mode};
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

/// Whether it is told by its secret key to be of this database. Of a damaged record nobody knows.
bool is_of(const backup_folder& folder, kv::backup_id id, std::string_view secret_key_sha256) {
    try {
        return folder.read(id).secret_key_sha256 == secret_key_sha256;
    } catch (const backup_damage&) {
        return false;
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

void drop_backups(const backup_folder& folder, const std::vector<kv::backup_id>& ids,
                  const kv::log_function& log) {
    for (const kv::backup_id id : ids) {
        fs::remove(folder.record(id));
    }
    sync_folder(folder.records());
    remove_leftovers(folder, log);
}

prune_report prune_backups(const backup_folder& folder, std::size_t keep,
                           std::string_view secret_key_sha256, const kv::log_function& log) {
    prune_report report;
    auto ids = folder.ids();
    report.of_others =
        std::erase_if(ids, [&](kv::backup_id id) { return !is_of(folder, id, secret_key_sha256); });
    if (ids.size() > keep) {
        ids.resize(ids.size() - keep);
        drop_backups(folder, ids, log);
        report.dropped = std::move(ids);
    }
    return report;
}

}  // namespace pinhole::storage::backup
