// import-django: the users, posts, files, comments and likes of a Django app (docs/django.md).
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "storage/django/import_django.hpp"
#include "storage/query/time_text.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/display.hpp"
#include "tools/admin/django_words.hpp"
#include "tools/admin/json_text.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

namespace django = storage::django;

struct import_word_options {
    std::string fixture;
    std::string map;
    std::string media_root;
    std::string id_map;
    std::string deleted_at;
    bool print_map = false;
    bool ignore_unknown = false;
    bool rename_users = false;
    bool skip_bad_files = false;
    bool new_ids = false;
    bool dry_run = false;
    bool merge = false;
};

std::optional<storage::timestamp> parse_deleted_at(const std::string& text) {
    if (text.empty()) {
        return std::nullopt;
    }
    const auto at = storage::query::parse_time(text);
    if (!at || !storage::is_plausible(*at)) {
        throw usage_error{"--deleted-at needs a time such as 2026-11-22T08:05:00Z, from 2024 on"};
    }
    return at;
}

django::import_options to_options(word_context& context, const import_word_options& options) {
    return {.map = load_map(options.map),
            .media_root = path_if(options.media_root),
            .id_map = path_if(options.id_map),
            .ignore_unknown = options.ignore_unknown,
            .rename_users = options.rename_users,
            .skip_bad_files = options.skip_bad_files,
            .new_ids = options.new_ids,
            .deleted_at = parse_deleted_at(options.deleted_at),
            .dry_run = options.dry_run,
            .merge = options.merge,
            .tell = [&out = context.out](std::string_view line) { out.note(to_printable(line)); },
            .log = to_log(context.out)};
}

nlohmann::json to_json(const django::import_report& report) {
    nlohmann::json rows = nlohmann::json::object();
    for (const auto& [name, count] : report.dump.rows) {
        rows[name] = count;
    }
    nlohmann::json models = nlohmann::json::object();
    for (const auto& [name, count] : report.counts.models_skipped) {
        models[name] = count;
    }
    nlohmann::json faults = nlohmann::json::array();
    for (const auto& fault : report.faults.kept()) {
        faults.push_back({{"file", fault.file}, {"line", fault.line}, {"message", fault.message}});
    }
    const auto& counts = report.counts;
    return {{"is_done", report.is_done},
            {"rows", std::move(rows)},
            {"media", {{"files", report.dump.media.files}, {"bytes", report.dump.media.bytes}}},
            {"rows_added", report.rows_added},
            {"rows_skipped", report.rows_skipped},
            {"users_renamed", counts.users_renamed},
            {"passwords_unusable", counts.passwords_unusable},
            {"files_skipped", counts.files_skipped},
            {"posts_skipped", counts.posts_skipped},
            {"comments_skipped", counts.comments_skipped},
            {"likes_skipped", counts.likes_skipped},
            {"likes_repeated", counts.likes_repeated},
            {"models_skipped", std::move(models)},
            {"faults_total", report.faults.total()},
            {"faults", std::move(faults)}};
}

std::string to_text(const django::import_report& report, const import_word_options& options) {
    std::string text = fmt::format(
        "{}: {} rows, {} media files of {}", options.dry_run ? "would import" : "imported",
        with_separators(report.dump.rows_total()), with_separators(report.dump.media.files),
        to_size_text(report.dump.media.bytes));
    if (options.merge) {
        text += fmt::format("; {} added, {} there already", with_separators(report.rows_added),
                            with_separators(report.rows_skipped));
    }
    return text + '\n';
}

/// What is not as it was in Django, besides what was told one by one.
void tell_counts(word_context& context, const django::convert_counts& counts) {
    for (const auto& [name, count] : counts.models_skipped) {
        context.out.note(fmt::format("no entity of Pinhole's: {} of {}", with_separators(count),
                                     to_printable(name)));
    }
    const std::pair<std::uint64_t, const char*> amounts[] = {
        {counts.users_renamed, "users renamed"},
        {counts.passwords_unusable, "users whose password is not known here"},
        {counts.files_skipped, "files skipped"},
        {counts.posts_skipped, "posts skipped"},
        {counts.comments_skipped, "comments skipped with their posts"},
        {counts.likes_skipped, "likes skipped with their posts"},
        {counts.likes_repeated, "likes left out, of users who like the post already"}};
    for (const auto& [count, what] : amounts) {
        if (count != 0) {
            context.out.note(fmt::format("{} {}", with_separators(count), what));
        }
    }
}

exit_code import_django(word_context& context, const import_word_options& options) {
    if (options.print_map) {
        context.out.result(django::default_map_text());
        return exit_code::done;
    }
    if (options.fixture.empty()) {
        throw usage_error{"FIXTURE is required"};
    }
    const auto done = django::import_fixture(options.fixture, context.data_dir,
                                             to_options(context, options), context.watch());
    context.out.finish_progress();
    if (!done) {
        throw refusal{done.error().message};
    }
    const bool is_good = done->faults.empty();
    if (context.out.is_json()) {
        context.out.result(to_json_text(to_json(*done)) + '\n');
    } else if (is_good) {
        tell_counts(context, done->counts);
        context.out.result(to_text(*done, options));
    } else {
        for (const auto& fault : done->faults.kept()) {
            context.out.error(to_printable(to_string(fault)));
        }
        if (done->faults.total() > done->faults.kept().size()) {
            context.out.error(
                fmt::format("… and {} more",
                            with_separators(done->faults.total() - done->faults.kept().size())));
        }
        context.out.note("nothing was changed");
    }
    return is_good ? exit_code::done : exit_code::refused;
}

}  // namespace

void add_import_django(word_list& words) {
    const auto options = std::make_shared<import_word_options>();
    CLI::App& word = words.add(
        "import-django",
        "Brings the users, posts, files, comments and likes of a Django app, as dumpdata writes "
        "them, into an empty data directory that no server has open. All is checked first, and "
        "shows at once; with a fault, or a kill midway, the directory stays as it was",
        [options](word_context& context) { return import_django(context, *options); });
    word.add_option("FIXTURE", options->fixture,
                    "What dumpdata wrote: JSON or JSONL, compressed by gzip or not, or - for "
                    "standard input")
        ->type_name("FILE");
    word.add_option("--map", options->map,
                    "Which model and field is which, where that is other than in the built-in map")
        ->type_name("FILE");
    word.add_flag("--print-map", options->print_map, "Print the built-in map, and do nothing else");
    word.add_option("--media-root", options->media_root,
                    "Django's MEDIA_ROOT, to which the fixture's file names are relative")
        ->type_name("DIR");
    word.add_flag("--ignore-unknown", options->ignore_unknown,
                  "Pass over fields that the map does not name");
    word.add_flag("--rename-users", options->rename_users,
                  "Give users whose names cannot be taken over new ones, and say which");
    word.add_flag("--skip-bad-files", options->skip_bad_files,
                  "Leave out files that are missing or refused, and posts that are left without "
                  "any, and say which");
    word.add_flag("--new-ids", options->new_ids,
                  "Make ids of the time of each row, for primary keys that are no whole numbers; "
                  "else the primary keys become the ids");
    word.add_option("--deleted-at", options->deleted_at,
                    "What is deleted counts as deleted at this time, if it was before: the time "
                    "in which it can be restored begins there")
        ->type_name("TIME");
    word.add_option("--id-map", options->id_map,
                    "A new file for a line of model, primary key and id for each row")
        ->type_name("FILE");
    word.add_flag("--dry-run", options->dry_run, "Check everything and change nothing");
    word.add_flag("--merge", options->merge,
                  "Into a directory with rows: skip those that are there with the same values, "
                  "add the others. A kill midway leaves a part, and the same merge adds the rest");
}

}  // namespace pinhole::admin
