// export-django: what the database holds, as a fixture that loaddata takes (docs/django.md).
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "storage/django/export_django.hpp"
#include "tools/admin/checks.hpp"
#include "tools/admin/display.hpp"
#include "tools/admin/django_words.hpp"
#include "tools/admin/dump_result.hpp"
#include "tools/admin/frozen_rows.hpp"
#include "tools/admin/json_text.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

namespace django = storage::django;

struct export_word_options {
    std::string target;
    std::string map;
    std::string media_root;
    std::string only;
    bool renumber = false;
    bool skip_missing_media = false;
};

void tell(word_context& context, const export_word_options& options,
          const storage::dump::dump_report& report) {
    tell_bad_media(context.out, report);
    if (!report.is_whole) {
        context.out.error(
            "nothing was exported, since it would lack these files: --skip-missing-media leaves "
            "them out");
    }
    if (options.target == django::standard_output) {
        return;  // it is taken
    }
    if (context.out.is_json()) {
        context.out.result(to_json_text(to_json(options.target, report)) + '\n');
    } else if (report.is_whole) {
        std::string text = fmt::format("{} shows {}\n", options.target,
                                       storage::to_rfc3339(report.written.created_at));
        for (const auto& [name, sums] : report.written.entities) {
            text += fmt::format("{:<10}{:>14}\n", name, with_separators(sums.rows));
        }
        context.out.result(text);
    }
}

exit_code export_django(word_context& context, const export_word_options& options) {
    if (options.target == django::standard_output && ::isatty(STDOUT_FILENO) != 0) {
        throw usage_error{"a fixture is nothing for a terminal: name a target, or use a pipe"};
    }
    django::export_options wanted{.map = load_map(options.map),
                                  .target = options.target,
                                  .media_root = path_if(options.media_root),
                                  .renumber = options.renumber,
                                  .only_alive = !options.only.empty(),
                                  .skip_bad_media = options.skip_missing_media};
    // Told before a checkpoint is asked for.
    if (options.target != django::standard_output) {
        require_beside_data(options.target, context.data_dir);
    }
    if (wanted.media_root) {
        require_beside_data(*wanted.media_root, context.data_dir);
    }
    if (const auto free = django::find_export_conflict(wanted); !free) {
        throw refusal{free.error().message};
    }
    const frozen_rows opened = freeze_rows(context, wanted.media_root.has_value());
    wanted.created_at = opened.at;
    const media::media_reader media{context.data_dir / "media"};
    const auto reader = opened.rows->snapshot();
    const auto report = django::export_fixture(*reader, media, wanted, context.watch());
    context.out.finish_progress();
    if (!report) {
        throw refusal{report.error().message};
    }
    tell(context, options, *report);
    return report->is_whole ? exit_code::done : exit_code::refused;
}

}  // namespace

void add_export_django(word_list& words) {
    const auto options = std::make_shared<export_word_options>();
    CLI::App& word = words.add(
        "export-django",
        "Writes what the database holds at one instant as a fixture that Django's loaddata takes, "
        "while a server goes on",
        [options](word_context& context) { return export_django(context, *options); });
    word.add_option("TARGET", options->target,
                    "A new file: JSONL if its name ends in .jsonl, else JSON; or - for standard "
                    "output")
        ->required()
        ->type_name("FILE")
        ->check(not_named_as({".gz", ".bz2", ".xz", ".zst", ".zip"}));
    word.add_option("--map", options->map,
                    "Which model and field is which, where that is other than in the built-in map")
        ->type_name("FILE");
    CLI::Option* const media_root =
        word.add_option("--media-root", options->media_root,
                        "A new directory for the photos and videos, to be Django's MEDIA_ROOT")
            ->type_name("DIR");
    word.add_flag("--skip-missing-media", options->skip_missing_media,
                  "Leave out files whose bytes are missing or damaged, and say which, instead of "
                  "exporting nothing")
        ->needs(media_root);
    word.add_flag("--renumber", options->renumber,
                  "Primary keys 1, 2, 3… in the order of ids, for models without BigAutoField");
    word.add_option("--only", options->only,
                    "alive: leave out what is deleted, and what hangs under it")
        ->check(CLI::IsMember({"alive"}));
}

}  // namespace pinhole::admin
