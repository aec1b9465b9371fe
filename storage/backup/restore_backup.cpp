#include "storage/backup/restore_backup.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include "storage/backup/durable_file.hpp"
#include "storage/backup/media_list.hpp"
#include "storage/backup/media_placing.hpp"
#include "storage/base/room.hpp"
#include "storage/housekeeping.hpp"
#include "storage/media/sha256.hpp"
#include "storage/restore/media_stage.hpp"
#include "storage/restore/restore_site.hpp"
#include "storage/restore/target_store.hpp"
#include "storage/schema/entities.hpp"

namespace pinhole::storage::backup {

namespace {

namespace fs = std::filesystem;

constexpr mode_t passable = 0711;
constexpr const char* key_name = "secret.key";

bool are_on_one_disk(const fs::path& one, const fs::path& other) {
    struct stat here{};
    struct stat there{};
    return ::stat(one.c_str(), &here) == 0 && ::stat(other.c_str(), &there) == 0 &&
           here.st_dev == there.st_dev;
}

class restoration {
public:
    restoration(const backup_folder& folder, const fs::path& data_dir,
                const restore_options& options, const work_watch& watch)
        : folder_(folder), data_dir_(data_dir), options_(options), watch_(watch) {}

    result<restore_report> run(kv::backup_id id) {
        if (!guard([&] { report_.record = folder_.read(id); })) {
            return std::move(report_);
        }
        if (report_.record.schema_version > schema_version) {
            return refuse("backup " + std::to_string(id) + " was made by a newer version, " +
                          report_.record.server_version + ": restore it with that one");
        }
        made_.make(data_dir_, passable);
        const unique_fd alone = enter_data_directory_alone(data_dir_);
        if (auto fit = look_at_target(); !fit) {
            return std::unexpected{std::move(fit.error())};
        }
        made_.make(media_root(), passable);
        require_room();
        return build();
    }

private:
    static std::unexpected<error> refuse(std::string why) {
        return fail(error_code::conflict, std::move(why));
    }

    fs::path media_root() const { return data_dir_ / "media"; }
    fs::path built() const { return restore_folder(data_dir_); }

    /// False if there was damage, which is in the report.
    template <class Function>
    bool guard(const Function& function) {
        try {
            function();
            return true;
        } catch (const backup_damage& damage) {
            report_.faults.add(damage.what());
        } catch (const kv::damaged_backup& damage) {
            report_.faults.add(damage.what());
        }
        return false;
    }

    result<void> look_at_target() {
        if (const auto target = open_target_to_read(data_dir_, options_.log)) {
            const auto reader = target->snapshot();
            if (has_rows(*reader)) {
                return refuse(data_dir_.string() + " has rows. Restore into an empty directory");
            }
            id_ceiling_ms_ = read_id_ceiling_ms(*reader);
        }
        if (has_media_files(media_root())) {
            return refuse(media_root().string() +
                          " holds media already, and the backup has some, too: move them away");
        }
        parts_ = {.media = true, .key = needs_key()};
        if (std::string problem = find_unswitchable(data_dir_, parts_); !problem.empty()) {
            return refuse(std::move(problem));
        }
        return {};
    }

    bool needs_key() const {
        const fs::path there = data_dir_ / key_name;
        const std::string& wanted = report_.record.secret_key_sha256;
        return !wanted.empty() && (!fs::exists(there) || sha256_of(read_whole(there)) != wanted);
    }

    void require_room() const {
        const backup_record& record = report_.record;
        const bool is_linked = are_on_one_mount(folder_.media(), media_root());
        const std::uint64_t media_bytes = is_linked ? 0 : record.media_bytes;
        if (are_on_one_disk(data_dir_, media_root())) {
            storage::require_room(data_dir_, record.database_bytes + media_bytes, "the backup");
            return;
        }
        storage::require_room(data_dir_, record.database_bytes, "the database");
        storage::require_room(media_root(), media_bytes, "the media");
    }

    result<restore_report> build() {
        const restore_site site{data_dir_};
        bool is_whole = guard([&] { bring_database(); });
        is_whole = guard([&] { bring_key(); }) && is_whole;
        is_whole = guard([&] { bring_media(); }) && is_whole;
        if (!is_whole || (report_.media_left_out != 0 && !options_.missing_media)) {
            return std::move(report_);
        }
        raise_ids();
        make_durable();
        finish_restore(data_dir_, parts_);
        made_.keep();
        report_.is_done = true;
        return std::move(report_);
    }

    void bring_database() const {
        work_progress progress{
            .phase = "database", .total = report_.record.database_bytes, .counts_bytes = true};
        kv::restore_backup(folder_.database(), report_.record.id, built() / "db",
                           [&](std::uint64_t bytes) {
                               progress.done += bytes;
                               watch_.advance(progress);
                           });
    }

    void bring_key() const {
        if (!parts_.key) {
            return;
        }
        const fs::path path = folder_.secret_key(report_.record.id);
        if (!fs::exists(path)) {
            throw backup_damage{path.string() + " is missing"};
        }
        const std::string key = read_whole(path);
        if (sha256_of(key) != report_.record.secret_key_sha256) {
            throw backup_damage{path.string() + " is damaged: it is not what was written"};
        }
        write_durably(built() / key_name, key);
    }

    void bring_media() {
        constexpr mode_t owner_only = 0700;
        constexpr mode_t readable_for_nginx = 0755;
        const media_tree pool{folder_.media()};
        const fs::path root = media_restore_folder(data_dir_);
        const media_tree root_made{root, owner_only};
        media_tree shown{root / "public", readable_for_nginx};
        media_tree hidden{root / "hidden", owner_only};
        work_progress progress{
            .phase = "media", .total = report_.record.media_bytes, .counts_bytes = true};
        const fs::path list_path = folder_.media_list(report_.record.id);
        media_list_reader list{list_path};
        while (const auto medium = list.next()) {
            media_tree& tree = medium->is_public ? shown : hidden;
            if (!guard([&] { bring_medium(pool, tree, *medium); })) {
                tree.remove(medium->path);
                ++report_.media_left_out;
            }
            progress.done += medium->size_bytes;
            watch_.advance(progress);
        }
        if (list.sha256() != report_.record.media_list_sha256) {
            throw backup_damage{list_path.string() + " is damaged: it is not what was written"};
        }
    }

    void bring_medium(const media_tree& pool, media_tree& tree, const listed_medium& medium) const {
        const auto file = pool.open_listed(medium);
        std::string sum = tree.take(file, medium.path, [&](std::uint64_t) {
            if (watch_.stop.stop_requested()) {
                throw work_interrupted{};
            }
        });
        if (sum.empty()) {
            sum = media::to_text(media::hash_file(file.fd.get()).hash.digest());
        }
        pool.require_sum(medium, sum);
    }

    /// Opened as the server does it, which reads the last writes into tables: if it could not be
    /// opened, that would show here.
    void raise_ids() const {
        const auto store = open_target(built(), options_.log);
        const std::int64_t own = read_id_ceiling_ms(*store->snapshot(kv::read_mode::blocking));
        if (id_ceiling_ms_ <= own) {
            return;
        }
        kv::commit commit;
        append_id_ceiling_ms(commit, id_ceiling_ms_);
        if (store->submit_and_wait(std::move(commit)) != kv::outcome::ok) {
            throw std::runtime_error{"the restored database took no write: is the disk full?"};
        }
    }

    void make_durable() const {
        fs::permissions(built() / "db", fs::perms::owner_all);
        const media_tree media{media_restore_folder(data_dir_)};
        media.sync();
        for (const fs::path& each :
             {media_restore_folder(data_dir_), media_root(), built() / "db", built(), data_dir_}) {
            sync_folder(each);
        }
    }

    const backup_folder& folder_;
    fs::path data_dir_;
    restore_options options_;
    const work_watch& watch_;
    made_folders made_;
    switched_parts parts_;
    std::int64_t id_ceiling_ms_ = 0;
    restore_report report_;
};

}  // namespace

result<restore_report> restore_backup(const backup_folder& folder, kv::backup_id id,
                                      const fs::path& data_dir, const restore_options& options,
                                      const work_watch& watch) {
    return restoration{folder, data_dir, options, watch}.run(id);
}

}  // namespace pinhole::storage::backup
