// restore, verify.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "storage/dump/verify.hpp"
#include "storage/restore/restore.hpp"
#include "tools/admin/json_text.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

struct dump_options {
    std::string source;
    bool no_manifest = false;
    bool ignore_unknown = false;
    bool missing_media = false;
    bool dry_run = false;
    bool merge = false;
};

/// Each fault is a line for people; with --json all of them are in the result.
void show_faults(const word_context& context, const storage::dump::fault_list& faults) {
    if (context.out.is_json() || faults.empty()) {
        return;
    }
    for (const auto& fault : faults.kept()) {
        context.out.error(to_string(fault));
    }
    if (faults.total() > faults.kept().size()) {
        context.out.error(
            fmt::format("… and {} more", with_separators(faults.total() - faults.kept().size())));
    }
}

nlohmann::json to_json(const storage::dump::dump_summary& dump,
                       const storage::dump::fault_list& faults) {
    nlohmann::json all{{"rows", nlohmann::json::object()},
                       {"media", {{"files", dump.media.files}, {"bytes", dump.media.bytes}}},
                       {"media_missing", dump.media_missing},
                       {"faults_total", faults.total()},
                       {"faults", nlohmann::json::array()}};
    for (const auto& [name, count] : dump.rows) {
        all["rows"][name] = count;
    }
    for (const auto& fault : faults.kept()) {
        all["faults"].push_back(
            {{"file", fault.file}, {"line", fault.line}, {"message", fault.message}});
    }
    return all;
}

std::string describe(const storage::dump::dump_summary& dump) {
    std::string text = with_separators(dump.rows_total()) + " rows";
    if (dump.has_media) {
        text += fmt::format(", {} media files of {}", with_separators(dump.media.files),
                            to_size_text(dump.media.bytes));
    }
    if (dump.media_missing != 0) {
        text += fmt::format(", {} without their bytes", with_separators(dump.media_missing));
    }
    return text;
}

void show_json(const word_context& context, const nlohmann::json& all) {
    context.out.result(to_json_text(all) + '\n');
}

exit_code verify(word_context& context, const dump_options& options) {
    const auto report = storage::dump::verify_dump(options.source,
                                                   {.no_manifest = options.no_manifest,
                                                    .ignore_unknown = options.ignore_unknown,
                                                    .missing_media = options.missing_media},
                                                   context.watch());
    context.out.finish_progress();
    show_faults(context, report.faults);
    const bool is_whole = report.faults.empty();
    if (context.out.is_json()) {
        show_json(context, to_json(report.dump, report.faults));
    } else if (is_whole) {
        context.out.result("whole: " + describe(report.dump) + '\n');
    }
    return is_whole ? exit_code::done : exit_code::refused;
}

/// Of a dump without a fault.
std::string to_text(const storage::restore_report& done, const dump_options& options) {
    if (options.merge) {
        return fmt::format("{}: {} rows added, {} there already, of {}\n",
                           options.dry_run ? "would merge" : "merged",
                           with_separators(done.rows_added), with_separators(done.rows_skipped),
                           describe(done.dump));
    }
    return fmt::format("{}: {}\n", options.dry_run ? "would restore" : "restored",
                       describe(done.dump));
}

exit_code restore(word_context& context, const dump_options& options) {
    const auto done = storage::restore_dump(options.source, context.data_dir,
                                            {.dry_run = options.dry_run,
                                             .merge = options.merge,
                                             .no_manifest = options.no_manifest,
                                             .ignore_unknown = options.ignore_unknown,
                                             .missing_media = options.missing_media},
                                            context.watch());
    context.out.finish_progress();
    if (!done) {
        throw refusal{done.error().message};
    }
    show_faults(context, done->faults);
    const bool is_good = done->faults.empty();
    if (context.out.is_json()) {
        auto all = to_json(done->dump, done->faults);
        all["is_done"] = done->is_done;
        all["rows_added"] = done->rows_added;
        all["rows_skipped"] = done->rows_skipped;
        show_json(context, all);
    } else if (is_good) {
        context.out.result(to_text(*done, options));
    } else {
        context.out.note("nothing was changed");
    }
    return is_good ? exit_code::done : exit_code::refused;
}

void add_dump(CLI::App& word, dump_options& options) {
    word.add_option("DUMP", options.source,
                    "A directory, a .tar or .tar.zst file, or - for standard input")
        ->required()
        ->type_name("FILE");
    word.add_flag("--no-manifest", options.no_manifest,
                  "The dump may be without manifest.json: its sums and counts are not checked");
    word.add_flag("--ignore-unknown", options.ignore_unknown,
                  "Pass over fields that this version does not know");
    word.add_flag("--missing-media", options.missing_media,
                  "In a dump with media, some files may be without their bytes");
}

}  // namespace

void add_restore(word_list& words) {
    const auto restored = std::make_shared<dump_options>();
    CLI::App& restore_word = words.add(
        "restore",
        "Puts a dump's rows and media into an empty data directory that no server has open. All is "
        "checked first, and shows at once; with a fault, or a kill midway, the directory stays as "
        "it was",
        [restored](word_context& context) { return restore(context, *restored); });
    add_dump(restore_word, *restored);
    restore_word.add_flag("--dry-run", restored->dry_run, "Check everything and change nothing");
    restore_word.add_flag("--merge", restored->merge,
                          "Into a directory with rows: skip those that are there with the same "
                          "values, add the others. A kill midway leaves a part, and the same merge "
                          "adds the rest");

    const auto verified = std::make_shared<dump_options>();
    CLI::App& verify_word = words.add(
        "verify",
        "Checks a dump without restoring it: sums, rows, references, uniqueness, and the bytes of "
        "media",
        [verified](word_context& context) { return verify(context, *verified); });
    add_dump(verify_word, *verified);
}

}  // namespace pinhole::admin
