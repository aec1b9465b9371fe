#include "storage/backup/backup.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "storage/backup/backed_up_media.hpp"
#include "storage/backup/durable_file.hpp"
#include "storage/backup/media_list.hpp"
#include "storage/backup/media_placing.hpp"
#include "storage/backup/prune.hpp"
#include "storage/base/room.hpp"
#include "storage/dump/dump_format.hpp"
#include "storage/media/media_reader.hpp"
#include "storage/restore/data_directory.hpp"

namespace pinhole::storage::backup {

namespace {

namespace fs = std::filesystem;

std::optional<std::string> read_secret_key(const fs::path& data_dir) {
    const fs::path path = data_dir / "secret.key";
    return fs::exists(path) ? std::optional{read_whole(path)} : std::nullopt;
}

}  // namespace

std::string secret_key_sha256_of(const fs::path& data_dir) {
    const auto key = read_secret_key(data_dir);
    return key ? sha256_of(*key) : std::string{};
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
    const media_tree pool{folder_.media(), backup_folder::folder_mode};
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
    media_tree pool{folder_.media(), backup_folder::folder_mode};
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
    if (const auto key = read_secret_key(options_.data_dir)) {
        write_durably(folder_.secret_key(report_.made.id), *key);
        report_.made.secret_key_sha256 = sha256_of(*key);
    }
}

backup_report backup_writer::finish() {
    require_room();
    add_media();
    add_secret_key();
    write_durably(folder_.record(report_.made.id), to_json(report_.made));
    is_done_ = true;
    if (options_.keep) {
        auto pruned =
            prune_backups(folder_, *options_.keep, report_.made.secret_key_sha256, options_.log);
        report_.dropped = std::move(pruned.dropped);
        report_.of_others = pruned.of_others;
    }
    return std::move(report_);
}

}  // namespace pinhole::storage::backup
