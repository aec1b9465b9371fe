#include "storage/restore/restore.hpp"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "storage/dump/verify.hpp"
#include "storage/housekeeping.hpp"
#include "storage/migrations.hpp"
#include "storage/reindex.hpp"
#include "storage/restore/data_directory.hpp"
#include "storage/restore/media_stage.hpp"
#include "storage/restore/restore_site.hpp"
#include "storage/restore/row_builder.hpp"
#include "storage/restore/row_merger.hpp"
#include "storage/restore/target_store.hpp"

namespace pinhole::storage {

namespace {

/// The media are refused: only once the first comes is known that there are some.
struct media_in_the_way {};

/// No id below this is given any more.
std::int64_t ceiling_above(entity_id id) {
    return id == 0 ? 0 : id_epoch_ms + (id >> (id_shard_bits + id_sequence_bits)) + 1;
}

dump::unknown_members unknown_of(const restore_options& options) {
    return options.ignore_unknown ? dump::unknown_members::ignore : dump::unknown_members::refuse;
}

class restoration {
public:
    restoration(dump::archive_reader& archive, const std::filesystem::path& data_dir,
                const restore_options& options, const work_watch& watch)
        : archive_(archive), data_dir_(data_dir), options_(options), watch_(watch) {}

    result<restore_report> run() {
        if (options_.dry_run && !std::filesystem::exists(data_dir_)) {
            return only_check();
        }
        made_.make(data_dir_, 0711);
        const unique_fd alone = enter_data_directory_alone(data_dir_);
        target_ = open_target_to_read(data_dir_, options_.log);
        if (target_) {
            reader_ = target_->snapshot();
        }
        const bool is_merge = reader_ && has_rows(*reader_);
        if (is_merge && !options_.merge) {
            return refuse(data_dir_.string() +
                          " has rows. Restore into an empty directory, or merge");
        }
        id_ceiling_ms_ = reader_ ? read_id_ceiling_ms(*reader_) : 0;
        if (is_merge) {
            return merge();
        }
        if (options_.dry_run) {
            return dry_run();
        }
        return replace();
    }

private:
    static std::unexpected<error> refuse(std::string why) {
        return fail(error_code::conflict, std::move(why));
    }

    std::filesystem::path media_root() const { return data_dir_ / "media"; }

    result<restore_report> only_check() {
        auto verified = dump::verify_dump(archive_,
                                          {.no_manifest = options_.no_manifest,
                                           .ignore_unknown = options_.ignore_unknown,
                                           .missing_media = options_.missing_media},
                                          watch_);
        report_.dump = std::move(verified.dump);
        report_.faults = std::move(verified.faults);
        report_.rows_added = report_.dump.rows_total();
        return std::move(report_);
    }

    dump::check_options check_options(const std::filesystem::path& scratch) const {
        return {.manifest_required = !options_.no_manifest,
                .media_required = !options_.missing_media,
                .unknown = unknown_of(options_),
                .scratch = scratch,
                .memory_bytes = options_.memory_bytes / 4};
    }

    result<restore_report> dry_run() {
        dump::dump_checker checker{archive_, check_options(std::filesystem::temp_directory_path()),
                                   report_.faults, nullptr, watch_};
        report_.dump = checker.run();
        if (report_.dump.has_media && has_media_files(media_root())) {
            return refuse_media();
        }
        if (std::string problem = find_unswitchable(data_dir_, {.media = report_.dump.has_media});
            !problem.empty()) {
            return refuse(std::move(problem));
        }
        report_.rows_added = report_.dump.rows_total();
        return std::move(report_);
    }

    std::unexpected<error> refuse_media() const {
        return refuse(media_root().string() +
                      " holds media already, and the dump has some, too: move them away");
    }

    media_stage& stage_media() {
        made_.make(media_root(), 0711);
        stage_.emplace(media_restore_folder(data_dir_));
        return *stage_;
    }

    result<restore_report> replace() {
        const restore_site built{data_dir_};
        row_builder builder{{.folder = restore_folder(data_dir_),
                             .media_root = media_root(),
                             .has_media = has_media_files(media_root()),
                             .memory_bytes = options_.memory_bytes / 4 * 3,
                             .stage_media = [this]() -> media_stage& {
                                 if (has_media_files(media_root())) {
                                     throw media_in_the_way{};
                                 }
                                 return stage_media();
                             },
                             .log = options_.log}};
        auto checked = check_options(restore_folder(data_dir_));
        checked.sink_takes_aside = true;
        dump::dump_checker checker{archive_, checked, report_.faults, &builder, watch_};
        try {
            report_.dump = checker.run();
        } catch (const media_in_the_way&) {
            return refuse_media();
        }
        if (!report_.faults.empty()) {
            return std::move(report_);
        }
        const bool with_media = stage_.has_value();
        if (std::string problem = find_unswitchable(data_dir_, {.media = with_media});
            !problem.empty()) {
            return refuse(std::move(problem));
        }
        builder.finish(first_commit(), watch_);
        make_durable(with_media);
        close_target();
        switch_over(with_media);
        made_.keep();
        report_.rows_added = report_.dump.rows_total();
        report_.is_done = true;
        return std::move(report_);
    }

    /// What a new database says of itself.
    kv::commit first_commit() const {
        kv::commit commit;
        append_schema_version(commit);
        append_fold_version(commit);
        const std::int64_t ceiling_ms =
            std::max(id_ceiling_ms_, ceiling_above(report_.dump.id_max));
        if (ceiling_ms != 0) {
            append_id_ceiling_ms(commit, ceiling_ms);
        }
        return commit;
    }

    void make_durable(bool with_media) const {
        const auto folder = restore_folder(data_dir_);
        std::filesystem::permissions(folder / "db", std::filesystem::perms::owner_all);
        if (with_media) {
            stage_->sync();
            sync_folder(media_restore_folder(data_dir_));
            sync_folder(media_root());
        }
        sync_folder(folder / "db");
        sync_folder(folder);
        sync_folder(data_dir_);
    }

    void switch_over(bool with_media) {
        stage_.reset();
        finish_restore(data_dir_, {.media = with_media});
    }

    result<restore_report> merge() {
        const restore_site built{data_dir_};
        row_merger merger{{.scratch = restore_folder(data_dir_),
                           .media_root = media_root(),
                           .stage_media = [this]() -> media_stage& { return stage_media(); }},
                          *reader_,
                          report_.faults};
        dump::dump_checker checker{archive_, check_options(restore_folder(data_dir_)),
                                   report_.faults, &merger, watch_};
        report_.dump = checker.run();
        report_.rows_added = merger.rows_added();
        report_.rows_skipped = merger.rows_skipped();
        if (!report_.faults.empty() || options_.dry_run) {
            return std::move(report_);
        }
        close_target();
        const auto store = open_target(data_dir_, options_.log);
        merger.commit_all(*store, ceiling_above(report_.dump.id_max), watch_);
        made_.keep();
        report_.is_done = true;
        return std::move(report_);
    }

    void close_target() {
        reader_.reset();
        target_.reset();
    }

    dump::archive_reader& archive_;
    std::filesystem::path data_dir_;
    restore_options options_;
    const work_watch& watch_;
    made_folders made_;
    std::unique_ptr<kv::read_only_store> target_;  ///< read-only; holds RocksDB's lock
    std::unique_ptr<kv::reader> reader_;
    std::optional<media_stage> stage_;
    std::int64_t id_ceiling_ms_ = 0;
    restore_report report_;
};

}  // namespace

result<restore_report> restore_dump(const std::filesystem::path& source,
                                    const std::filesystem::path& data_dir,
                                    const restore_options& options, const work_watch& watch) {
    return restore_dump(*dump::open_archive(source), data_dir, options, watch);
}

result<restore_report> restore_dump(dump::archive_reader& archive,
                                    const std::filesystem::path& data_dir,
                                    const restore_options& options, const work_watch& watch) {
    return restoration{archive, data_dir, options, watch}.run();
}

}  // namespace pinhole::storage
