// backup, and below it list, verify, restore, prune: physical backups in a folder (docs/backup.md).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "storage/backup/backup.hpp"
#include "storage/backup/prune.hpp"
#include "storage/backup/restore_backup.hpp"
#include "storage/backup/verify.hpp"
#include "storage/base/version.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/checks.hpp"
#include "tools/admin/display.hpp"
#include "tools/admin/frozen_rows.hpp"
#include "tools/admin/json_text.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

constexpr unsigned kept_max = 1'000'000;

namespace backup = storage::backup;
using nlohmann::json;

struct backup_word_options {
    std::string folder;
    std::optional<std::size_t> keep;
};

struct prune_options {
    std::string folder;
    std::optional<std::size_t> keep;
    std::vector<kv::backup_id> ids;
};

struct choice_options {
    std::string folder;
    std::optional<kv::backup_id> id;
    bool all = false;
    bool hash = false;
    bool missing_media = false;
};

backup::backup_folder must(storage::result<backup::backup_folder> opened) {
    if (!opened) {
        throw refusal{opened.error().message};
    }
    return std::move(*opened);
}

json to_result(const backup::backup_record& record) {
    return {
        {"id", record.id},
        {"created_at", record.created_at},
        {"server_version", record.server_version},
        {"schema_version", record.schema_version},
        {"rows_about", record.rows_about},
        {"database", {{"bytes", record.database_bytes}, {"new_bytes", record.database_new_bytes}}},
        {"media",
         {{"files", record.media_files},
          {"bytes", record.media_bytes},
          {"new_files", record.media_new_files},
          {"new_bytes", record.media_new_bytes},
          {"missing", record.media_missing}}},
        {"has_secret_key", !record.secret_key_sha256.empty()}};
}

std::string describe(const backup::backup_record& record) {
    return fmt::format(
        "backup {} shows {}\n"
        "database  {:>10}  {} of it new\n"
        "media     {:>10}  in {} files; {} in {} files new\n",
        record.id, record.created_at, to_size_text(record.database_bytes),
        to_size_text(record.database_new_bytes), to_size_text(record.media_bytes),
        with_separators(record.media_files), to_size_text(record.media_new_bytes),
        with_separators(record.media_new_files));
}

void show_faults(const word_context& context, const backup::fault_list& faults) {
    for (const std::string& line : faults.kept()) {
        context.out.error(to_printable(line));
    }
    if (faults.total() > faults.kept().size()) {
        context.out.error(
            fmt::format("… and {} more", with_separators(faults.total() - faults.kept().size())));
    }
}

void show_json(const word_context& context, const json& value) {
    context.out.result(to_json_text(value) + '\n');
}

void tell_of_others(const word_context& context, std::size_t count, const std::string& folder) {
    if (count != 0) {
        context.out.note(fmt::format(
            "{} backups in {} are of another database, or damaged: they count for nothing, and "
            "stay",
            count, folder));
    }
}

void require_database(const word_context& context) {
    if (!std::filesystem::exists(context.data_dir / "db" / "CURRENT")) {
        throw refusal{"there is no database in " + context.data_dir.string()};
    }
}

exit_code make_backup(word_context& context, const backup_word_options& options) {
    if (options.folder.empty()) {
        throw usage_error{"DEST is required: the folder for the backups"};
    }
    require_database(context);
    const auto folder =
        must(backup::backup_folder::open_to_write(options.folder, context.data_dir));
    const auto watch = context.watch();
    frozen_rows frozen = freeze_rows(context, true);
    backup::backup_writer writer{folder,
                                 {.data_dir = context.data_dir,
                                  .at = frozen.at,
                                  .server_version = std::string{storage::program_version()},
                                  .keep = options.keep,
                                  .log = to_log(context.out)},
                                 watch};
    writer.add_rows(*frozen.rows);
    frozen.release_rows();
    const backup::backup_report report = writer.finish();
    context.out.finish_progress();
    if (context.out.is_json()) {
        json all = to_result(report.made);
        all["dropped"] = report.dropped;
        all["of_others"] = report.of_others;
        all["bad_media_total"] = report.bad_media.total();
        all["bad_media"] = report.bad_media.kept();
        show_json(context, all);
    } else {
        std::string text = describe(report.made);
        if (!report.dropped.empty()) {
            text += fmt::format("dropped   {:>10}  older ones\n", report.dropped.size());
        }
        context.out.result(text);
        tell_of_others(context, report.of_others, options.folder);
        show_faults(context, report.bad_media);
    }
    return report.bad_media.empty() ? exit_code::done : exit_code::refused;
}

exit_code list_backups(word_context& context, const choice_options& options) {
    const auto folder = must(backup::backup_folder::open_to_list(options.folder));
    backup::fault_list faults;
    json all = json::array();
    std::string text = fmt::format("{:>4}  {:<27}{:>13}{:>12}{:>14}{:>12}{:>12}\n", "id", "shows",
                                   "rows, about", "database", "media files", "media", "new");
    for (const kv::backup_id id : folder.ids()) {
        try {
            const auto record = folder.read(id);
            all.push_back(to_result(record));
            text +=
                fmt::format("{:>4}  {:<27}{:>13}{:>12}{:>14}{:>12}{:>12}\n", id,
                            to_printable(record.created_at), with_separators(record.rows_about),
                            to_size_text(record.database_bytes),
                            with_separators(record.media_files), to_size_text(record.media_bytes),
                            to_size_text(record.database_new_bytes + record.media_new_bytes));
        } catch (const backup::backup_damage& damage) {
            faults.add(damage.what());
        }
    }
    if (context.out.is_json()) {
        show_json(context, all);
    } else {
        context.out.result(text);
    }
    show_faults(context, faults);
    return faults.empty() ? exit_code::done : exit_code::refused;
}

void require_backup(const backup::backup_folder& folder, kv::backup_id id) {
    const auto ids = folder.ids();
    if (std::ranges::find(ids, id) == ids.end()) {
        throw refusal{fmt::format("there is no backup {} in {}", id, folder.path().string())};
    }
}

/// The one that is asked for, or the newest.
kv::backup_id choose(const backup::backup_folder& folder, const choice_options& options) {
    const auto ids = folder.ids();
    if (ids.empty()) {
        throw refusal{"there is no backup in " + folder.path().string() + " yet"};
    }
    if (!options.id) {
        return ids.back();
    }
    require_backup(folder, *options.id);
    return *options.id;
}

exit_code verify_backups(word_context& context, const choice_options& options) {
    const auto folder = must(backup::backup_folder::open_to_read(options.folder));
    const kv::backup_id chosen = choose(folder, options);
    const auto ids = options.all ? folder.ids() : std::vector{chosen};
    backup::fault_list faults;
    for (const kv::backup_id id : ids) {
        backup::verify_backup(folder, id, options.hash, faults, context.watch());
    }
    context.out.finish_progress();
    if (context.out.is_json()) {
        show_json(context, {{"ids", ids},
                            {"is_whole", faults.empty()},
                            {"faults_total", faults.total()},
                            {"faults", faults.kept()}});
    } else if (faults.empty()) {
        context.out.result(fmt::format("whole: backup {}\n", fmt::join(ids, ", ")));
    } else {
        show_faults(context, faults);
    }
    return faults.empty() ? exit_code::done : exit_code::refused;
}

exit_code drop_backups(word_context& context, const prune_options& options) {
    if (options.keep.has_value() == !options.ids.empty()) {
        throw usage_error{"which ones? --keep N leaves the newest, or --id N names one"};
    }
    if (options.keep) {
        require_database(context);  // whose backups are meant
    }
    // Nothing is to be made where a name is mistyped.
    must(backup::backup_folder::open_to_list(options.folder));
    const auto folder =
        must(backup::backup_folder::open_to_write(options.folder, context.data_dir));
    backup::prune_report report;
    if (options.keep) {
        report = backup::prune_backups(folder, *options.keep,
                                       backup::secret_key_sha256_of(context.data_dir),
                                       to_log(context.out));
    } else {
        const std::set ids(options.ids.begin(), options.ids.end());
        for (const kv::backup_id id : ids) {
            require_backup(folder, id);
        }
        report.dropped.assign(ids.begin(), ids.end());
        backup::drop_backups(folder, report.dropped, to_log(context.out));
    }
    const auto left = folder.ids();
    if (context.out.is_json()) {
        show_json(context,
                  {{"dropped", report.dropped}, {"left", left}, {"of_others", report.of_others}});
    } else {
        context.out.result(fmt::format("dropped {} of {} backups\n", report.dropped.size(),
                                       report.dropped.size() + left.size()));
        tell_of_others(context, report.of_others, options.folder);
    }
    return exit_code::done;
}

exit_code restore_backup(word_context& context, const choice_options& options) {
    const auto folder = must(backup::backup_folder::open_to_read(options.folder));
    const auto done = backup::restore_backup(
        folder, choose(folder, options), context.data_dir,
        {.missing_media = options.missing_media, .log = to_log(context.out)}, context.watch());
    context.out.finish_progress();
    if (!done) {
        throw refusal{done.error().message};
    }
    if (context.out.is_json()) {
        json all = done->record.id == 0 ? json::object() : to_result(done->record);
        all["is_done"] = done->is_done;
        all["media_left_out"] = done->media_left_out;
        all["faults_total"] = done->faults.total();
        all["faults"] = done->faults.kept();
        show_json(context, all);
    } else {
        show_faults(context, done->faults);
    }
    if (!done->is_done) {
        context.out.note("nothing was changed");
        return exit_code::refused;
    }
    if (!context.out.is_json()) {
        context.out.result(fmt::format(
            "restored: backup {}, which shows {}; about {} rows, {} media files of {}{}\n",
            done->record.id, done->record.created_at, with_separators(done->record.rows_about),
            with_separators(done->record.media_files - done->media_left_out),
            to_size_text(done->record.media_bytes),
            done->media_left_out == 0
                ? ""
                : fmt::format("; {} left out", with_separators(done->media_left_out))));
    }
    return exit_code::done;
}

void add_folder(CLI::App& word, std::string& folder) {
    word.add_option("DEST", folder, "The folder of the backups")->required()->type_name("DIR");
}

void check_id(CLI::Option& option) {
    option.type_name("N")->check(decimal())->check(
        CLI::Range(kv::backup_id{1}, std::numeric_limits<kv::backup_id>::max()));
}

void add_id(CLI::App& word, choice_options& options) {
    check_id(*word.add_option("--id", options.id, "Which backup; the newest, if it is not said"));
}

void add_keep(CLI::App& word, std::optional<std::size_t>& keep, const std::string& description) {
    word.add_option("--keep", keep, description)
        ->type_name("N")
        ->check(decimal())
        ->check(CLI::Range(1U, kept_max));
}

/// What none of the words below it knows, `backup` itself takes.
void require_nothing_else(const backup_word_options& outer) {
    if (outer.keep) {
        throw usage_error{"--keep is for `backup DEST` and `backup prune`"};
    }
    if (!outer.folder.empty()) {
        throw usage_error{"one DEST is enough: what is \"" + outer.folder + "\"?"};
    }
}

}  // namespace

void add_backup(word_list& words) {
    const auto made = std::make_shared<backup_word_options>();
    CLI::App& word =
        words.add("backup",
                  "Backs up database and media to a folder, while a server goes on: each backup "
                  "costs what is "
                  "new since the one before, and each can be restored by itself",
                  [made](word_context& context) { return make_backup(context, *made); });
    word.add_option("DEST", made->folder,
                    "The folder of the backups, made at the first; best on another disk")
        ->type_name("DIR");
    add_keep(word, made->keep, "Afterwards, remove all but the newest N");

    const auto add = [&](std::string name, std::string description, auto options, auto function) {
        return &words.add_under(word, std::move(name), std::move(description),
                                [made, options, function](word_context& context) {
                                    require_nothing_else(*made);
                                    return function(context, *options);
                                });
    };

    const auto listed = std::make_shared<choice_options>();
    CLI::App& list = *add("list", "Lists the backups in a folder", listed, list_backups);
    add_folder(list, listed->folder);

    const auto verified = std::make_shared<choice_options>();
    CLI::App& verify = *add(
        "verify",
        "Looks whether a backup is what was written: the database by its sums, media by presence "
        "and size",
        verified, verify_backups);
    add_folder(verify, verified->folder);
    add_id(verify, *verified);
    verify.add_flag("--all", verified->all, "All backups in the folder")->excludes("--id");
    verify.add_flag("--hash", verified->hash, "Read all media, too, and compare their SHA-256");

    const auto restored = std::make_shared<choice_options>();
    CLI::App& restore = *add(
        "restore",
        "Puts a backup into an empty data directory that no server has open. All is checked first, "
        "and shows at once; with a fault, or a kill midway, the directory stays as it was",
        restored, restore_backup);
    add_folder(restore, restored->folder);
    add_id(restore, *restored);
    restore.add_flag("--missing-media", restored->missing_media,
                     "Leave out media that the backup has lost or that are damaged in it");

    const auto pruned = std::make_shared<prune_options>();
    CLI::App& prune = *add(
        "prune", "Drops backups and makes none: what a full disk needs before there is another",
        pruned, drop_backups);
    add_folder(prune, pruned->folder);
    add_keep(prune, pruned->keep, "Leave the newest N that are of this data directory");
    check_id(*prune
                  .add_option("--id", pruned->ids,
                              "Drop this one, whosever it is; may be given "
                              "again")
                  ->allow_extra_args(false));
}

}  // namespace pinhole::admin
