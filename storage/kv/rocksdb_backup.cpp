// Backups by RocksDB's backup engine (backup.hpp).
//
// The engine takes a database that was opened for reading alone: its tables, the manifest, and the
// logs as they are, so nothing is rewritten on the way, and tables keep the names by which the
// engine knows them again: their number and the session that wrote them.
//
// It says how far it is only while it makes a backup, and only that can be stopped. But it reads
// all that it copies or verifies through a file system that it is given: that one counts, and
// refuses to read on.
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/utilities/backup_engine.h>

#include <exception>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "storage/kv/backup.hpp"
#include "storage/kv/rocksdb_checkpoint.hpp"

namespace pinhole::kv {
namespace {

/// What the watch throws must not pass through RocksDB: it is kept, and thrown behind it.
class read_counter {
public:
    explicit read_counter(const read_watch& watch) : watch_(watch) {}

    /// False if nothing is to be read any more. Called by the engine's thread.
    bool count(std::size_t bytes) noexcept {
        const std::lock_guard lock(mutex_);
        if (!thrown_) {
            try {
                watch_(bytes);
            } catch (...) {
                thrown_ = std::current_exception();
            }
        }
        return !thrown_;
    }

    void rethrow() const {
        const std::lock_guard lock(mutex_);
        if (thrown_) {
            std::rethrow_exception(thrown_);
        }
    }

private:
    const read_watch& watch_;
    mutable std::mutex mutex_;
    std::exception_ptr thrown_;
};

class counted_file final : public rocksdb::FSSequentialFileOwnerWrapper {
public:
    counted_file(std::unique_ptr<rocksdb::FSSequentialFile> file, read_counter& counter)
        : FSSequentialFileOwnerWrapper(std::move(file)), counter_(counter) {}

    rocksdb::IOStatus Read(std::size_t n, const rocksdb::IOOptions& options, rocksdb::Slice* result,
                           char* scratch, rocksdb::IODebugContext* context) override {
        auto status = FSSequentialFileOwnerWrapper::Read(n, options, result, scratch, context);
        if (status.ok() && !counter_.count(result->size())) {
            return rocksdb::IOStatus::Aborted("stopped");
        }
        return status;
    }

private:
    read_counter& counter_;
};

class counted_files final : public rocksdb::FileSystemWrapper {
public:
    explicit counted_files(read_counter& counter)
        : FileSystemWrapper(rocksdb::FileSystem::Default()), counter_(counter) {}

    const char* Name() const override { return "pinhole.counted"; }

    rocksdb::IOStatus NewSequentialFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                        rocksdb::IODebugContext* context) override {
        std::unique_ptr<rocksdb::FSSequentialFile> opened;
        auto status = FileSystemWrapper::NewSequentialFile(path, options, &opened, context);
        if (status.ok()) {
            *file = std::make_unique<counted_file>(std::move(opened), counter_);
        }
        return status;
    }

private:
    read_counter& counter_;
};

rocksdb::BackupEngineOptions engine_options(const std::filesystem::path& folder) {
    rocksdb::BackupEngineOptions options(folder.string());
    options.share_table_files = true;
    options.share_files_with_checksum = true;
    options.sync = true;
    return options;
}

bool is_damage(const rocksdb::Status& status) {
    return status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound();
}

void must(const rocksdb::Status& status, const std::string& what) {
    if (status.IsNoSpace()) {
        throw storage_failure(what + ": there is no room: " + status.ToString());
    }
    if (!status.ok()) {
        throw storage_failure(what + ": " + status.ToString());
    }
}

/// An engine of either kind, with the file system that it reads through.
template <class Engine>
class opened_engine {
public:
    opened_engine(const std::filesystem::path& folder, const read_watch& watch)
        : counter_(watch),
          environment_(rocksdb::NewCompositeEnv(std::make_shared<counted_files>(counter_))) {
        Engine* opened = nullptr;
        auto options = engine_options(folder);
        options.backup_env = environment_.get();
        const auto status = Engine::Open(options, environment_.get(), &opened);
        engine_.reset(opened);
        counter_.rethrow();
        if (is_damage(status)) {
            throw damaged_backup("the backups' databases in " + folder.string() +
                                 " cannot be opened: " + status.ToString());
        }
        must(status, "opening the backups in " + folder.string());
    }

    Engine* operator->() const { return engine_.get(); }
    void rethrow() const { counter_.rethrow(); }

private:
    read_counter counter_;
    std::unique_ptr<rocksdb::Env> environment_;
    std::unique_ptr<Engine> engine_;
};

using writing_engine = opened_engine<rocksdb::BackupEngine>;
using reading_engine = opened_engine<rocksdb::BackupEngineReadOnly>;

const read_watch unwatched = [](std::uint64_t) {};

std::string name_of(const std::filesystem::path& folder, backup_id id) {
    return "backup " + std::to_string(id) + " in " + folder.string();
}

/// Of a call that reads a backup: what is wrong with it is told from what is wrong with the disk.
void must_be_whole(const reading_engine& engine, const rocksdb::Status& status,
                   const std::filesystem::path& folder, backup_id id) {
    engine.rethrow();
    if (is_damage(status)) {
        throw damaged_backup("the database of " + name_of(folder, id) +
                             " is damaged: " + status.ToString());
    }
    must(status, "reading " + name_of(folder, id));
}

void require_there(const std::filesystem::path& folder, backup_id id) {
    if (!std::filesystem::exists(folder)) {
        throw damaged_backup("the database of " + name_of(folder, id) + " is missing");
    }
}

void require_known(const reading_engine& engine, const std::filesystem::path& folder,
                   backup_id id) {
    rocksdb::BackupInfo info;
    const auto status = engine->GetBackupInfo(id, &info);
    if (!status.ok()) {
        throw damaged_backup("the database of " + name_of(folder, id) +
                             " is damaged: " + status.ToString());
    }
}

}  // namespace

backup_facts add_backup(const std::filesystem::path& folder, const read_only_store& frozen,
                        const read_watch& watch) {
    const auto& store = dynamic_cast<const rocksdb_read_only_store&>(frozen);
    const writing_engine engine(folder, watch);
    std::vector<rocksdb::BackupInfo> before;
    engine->GetBackupInfo(&before, true);
    std::set<std::string> known;
    for (const auto& each : before) {
        for (const auto& file : each.file_details) {
            known.insert(file.relative_filename);
        }
    }
    backup_facts facts;
    const auto status = engine->CreateNewBackup({}, &store.opened().rocks(), &facts.id);
    engine.rethrow();
    must(status, "backing the database up to " + folder.string());
    rocksdb::BackupInfo made;
    must(engine->GetBackupInfo(facts.id, &made, true), "looking at the backup just made");
    for (const auto& file : made.file_details) {
        facts.bytes += file.size;
        facts.new_bytes += known.contains(file.relative_filename) ? 0 : file.size;
    }
    return facts;
}

std::vector<backup_id> list_backups(const std::filesystem::path& folder) {
    if (!std::filesystem::exists(folder)) {
        return {};
    }
    const writing_engine engine(folder, unwatched);
    std::vector<backup_id> ids;
    engine->GetCorruptedBackups(&ids);
    std::vector<rocksdb::BackupInfo> infos;
    engine->GetBackupInfo(&infos);
    for (const auto& each : infos) {
        ids.push_back(each.backup_id);
    }
    return ids;
}

void remove_backups(const std::filesystem::path& folder, std::span<const backup_id> ids) {
    if (!std::filesystem::exists(folder)) {
        return;
    }
    const writing_engine engine(folder, unwatched);
    for (const backup_id id : ids) {
        must(engine->DeleteBackup(id), "removing " + name_of(folder, id));
    }
    must(engine->GarbageCollect(), "tidying up " + folder.string());
}

void verify_backup(const std::filesystem::path& folder, backup_id id, const read_watch& watch) {
    require_there(folder, id);
    const reading_engine engine(folder, watch);
    require_known(engine, folder, id);
    must_be_whole(engine, engine->VerifyBackup(id, true), folder, id);
}

void restore_backup(const std::filesystem::path& folder, backup_id id,
                    const std::filesystem::path& directory, const read_watch& watch) {
    require_there(folder, id);
    const reading_engine engine(folder, watch);
    require_known(engine, folder, id);
    const auto status = engine->RestoreDBFromBackup(rocksdb::RestoreOptions(), id,
                                                    directory.string(), directory.string());
    must_be_whole(engine, status, folder, id);
}

}  // namespace pinhole::kv
