// dump: what the database holds at one instant, as an open format (docs/dump.md).
#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "storage/base/version.hpp"
#include "storage/dump/dump.hpp"
#include "tools/admin/checks.hpp"
#include "tools/admin/display.hpp"
#include "tools/admin/dump_result.hpp"
#include "tools/admin/frozen_rows.hpp"
#include "tools/admin/json_text.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

namespace dump = storage::dump;

constexpr std::string_view standard_output = "-";

struct dump_word_options {
    std::string target;
    bool with_media = false;
    bool skip_missing_media = false;
    std::vector<std::string> exclude;
    std::string only;
};

template <class T>
T must(storage::result<T> made) {
    if (!made) {
        throw refusal{made.error().message};
    }
    return std::move(*made);
}

/// A directory, or a tar, whose name says that it is something else.
std::string find_misnomer(std::string& name) {
    if (name.ends_with(".tar") || name.ends_with(".tar.zst")) {
        return "";
    }
    return not_named_as({".tar", ".gz", ".tgz", ".bz2", ".xz", ".zip", ".7z", ".zst", ".tzst",
                         ".zstd", ".lz4"})(name);
}

/// Told before a checkpoint is asked for, and long work done.
void require_free(const word_context& context, const std::string& target) {
    if (target == standard_output) {
        if (::isatty(STDOUT_FILENO) != 0) {
            throw usage_error{"a tar is nothing for a terminal: name a target, or use a pipe"};
        }
        return;
    }
    require_beside_data(target, context.data_dir);
    if (const auto free = dump::find_conflict(target); !free) {
        throw refusal{free.error().message};
    }
}

std::unique_ptr<dump::dump_sink> make_sink(const std::string& target, storage::timestamp at) {
    return target == standard_output ? dump::make_stream_sink(STDOUT_FILENO, at)
                                     : must(dump::make_sink(target, at));
}

std::string to_text(const std::string& target, const dump::dump_report& report, bool with_media) {
    std::string text =
        fmt::format("{} shows {}\n", target, storage::to_rfc3339(report.written.created_at));
    dump::for_each_dumped([&]<class Row>() {
        const auto sums = report.written.entities.find(storage::schema<Row>::name);
        if (sums != report.written.entities.end()) {
            text += fmt::format("{:<10}{:>14}\n", sums->first, with_separators(sums->second.rows));
        }
    });
    if (with_media) {
        text +=
            fmt::format("{:<10}{:>14}  {}\n", "media", with_separators(report.written.media.files),
                        to_size_text(report.written.media.bytes));
    }
    return text;
}

void tell(word_context& context, const dump_word_options& options,
          const dump::dump_report& report) {
    tell_bad_media(context.out, report);
    if (!report.is_whole) {
        context.out.error(
            "there is no dump, since it would lack these files: --skip-missing-media leaves them "
            "out");
    }
    if (options.target == standard_output) {
        return;  // it is taken
    }
    if (context.out.is_json()) {
        context.out.result(to_json_text(to_json(options.target, report)) + '\n');
    } else if (report.is_whole) {
        context.out.result(to_text(options.target, report, options.with_media));
    }
}

exit_code write_dump(word_context& context, const dump_word_options& options) {
    require_free(context, options.target);
    const frozen_rows opened = freeze_rows(context, options.with_media);
    const media::media_reader media{context.data_dir / "media"};
    const auto reader = opened.rows->snapshot();
    auto sink = make_sink(options.target, opened.at);
    const dump::dump_report report =
        must(dump::write_dump(*reader, &media, *sink,
                              {.created_at = opened.at,
                               .server_version = std::string{storage::program_version()},
                               .exclude = options.exclude,
                               .only_alive = !options.only.empty(),
                               .with_media = options.with_media,
                               .skip_bad_media = options.skip_missing_media},
                              context.watch()));
    sink.reset();
    context.out.finish_progress();
    tell(context, options, report);
    return report.is_whole ? exit_code::done : exit_code::refused;
}

/// All but that to which everything belongs.
std::vector<std::string> excludable() {
    std::vector<std::string> names;
    dump::for_each_dumped([&]<class Row>() {
        if (storage::schema<Row>::name != storage::schema<storage::user>::name) {
            names.emplace_back(storage::schema<Row>::name);
        }
    });
    return names;
}

}  // namespace

void add_dump(word_list& words) {
    const auto options = std::make_shared<dump_word_options>();
    CLI::App& word = words.add(
        "dump",
        "Writes what the database holds at one instant in an open format, while a server goes on",
        [options](word_context& context) { return write_dump(context, *options); });
    word.add_option("TARGET", options->target,
                    "A new directory, a new file whose name ends in .tar or .tar.zst, or - for a "
                    "tar on standard output")
        ->required()
        ->type_name("FILE")
        ->check(CLI::Validator{find_misnomer, ""});
    word.add_flag("--media", options->with_media, "The photos and videos, too");
    word.add_flag("--skip-missing-media", options->skip_missing_media,
                  "Leave out files whose bytes are missing or damaged, and say which, instead of "
                  "making no dump")
        ->needs("--media");
    word.add_option("--exclude", options->exclude,
                    "Leave out an entity, with what refers to it; may be given again")
        ->type_name("ENTITY")
        ->allow_extra_args(false)
        ->check(CLI::IsMember(excludable()));
    word.add_option("--only", options->only,
                    "alive: leave out what is deleted, and what hangs under it")
        ->check(CLI::IsMember({"alive"}));
}

}  // namespace pinhole::admin
