#include "storage/backup/verify.hpp"

#include <optional>

#include "storage/backup/durable_file.hpp"
#include "storage/backup/media_list.hpp"
#include "storage/backup/media_placing.hpp"
#include "storage/media/sha256.hpp"

namespace pinhole::storage::backup {

namespace {

class verification {
public:
    verification(const backup_folder& folder, bool hash, fault_list& faults,
                 const work_watch& watch)
        : folder_(folder), hash_(hash), faults_(faults), watch_(watch) {}

    void run(kv::backup_id id) {
        std::optional<backup_record> record;
        guard([&] { record = folder_.read(id); });
        if (!record) {
            return;
        }
        verify_database(*record);
        guard([&] { verify_key(*record); });
        guard([&] { verify_media(*record); });
    }

private:
    template <class Function>
    void guard(const Function& function) {
        try {
            function();
        } catch (const backup_damage& damage) {
            faults_.add(damage.what());
        }
    }

    void verify_database(const backup_record& record) {
        work_progress progress{
            .phase = "database", .total = record.database_bytes, .counts_bytes = true};
        try {
            kv::verify_backup(folder_.database(), record.id, [&](std::uint64_t bytes) {
                progress.done += bytes;
                watch_.advance(progress);
            });
        } catch (const kv::damaged_backup& damage) {
            faults_.add(damage.what());
        }
    }

    void verify_key(const backup_record& record) {
        const auto path = folder_.secret_key(record.id);
        if (record.secret_key_sha256.empty()) {
            return;
        }
        if (!std::filesystem::exists(path)) {
            throw backup_damage{path.string() + " is missing"};
        }
        if (sha256_of(read_whole(path)) != record.secret_key_sha256) {
            throw backup_damage{path.string() + " is damaged: it is not what was written"};
        }
    }

    void verify_media(const backup_record& record) {
        work_progress progress{.phase = "media", .total = record.media_bytes, .counts_bytes = true};
        const media_tree media{folder_.media()};
        media_list_reader list{folder_.media_list(record.id)};
        while (const auto medium = list.next()) {
            progress.done += medium->size_bytes;
            watch_.advance(progress);
            guard([&] { verify_medium(media, *medium); });
        }
        if (list.sha256() != record.media_list_sha256) {
            throw backup_damage{folder_.media_list(record.id).string() +
                                " is damaged: it is not what was written"};
        }
    }

    void verify_medium(const media_tree& media, const listed_medium& medium) const {
        const auto file = media.open_listed(medium);
        if (hash_) {
            media.require_sum(medium,
                              media::to_text(media::hash_file(file.fd.get()).hash.digest()));
        }
    }

    const backup_folder& folder_;
    bool hash_;
    fault_list& faults_;
    const work_watch& watch_;
};

}  // namespace

void verify_backup(const backup_folder& folder, kv::backup_id id, bool hash, fault_list& faults,
                   const work_watch& watch) {
    verification{folder, hash, faults, watch}.run(id);
}

}  // namespace pinhole::storage::backup
