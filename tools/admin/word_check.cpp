// check: looks at everything, and with --repair mends what derives from the rows.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "storage/check.hpp"
#include "storage/maintenance/repair.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/display.hpp"
#include "tools/admin/json_text.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

struct check_word_options {
    bool hash = false;
    bool repair = false;
    bool yes = false;
};

nlohmann::json to_json(const storage::check_report& report) {
    nlohmann::json counts = nlohmann::json::object();
    nlohmann::json findings = nlohmann::json::array();
    for (const storage::finding& each : report.findings) {
        counts[std::string{storage::to_text(each.kind)}] = report.count(each.kind);
        findings.push_back({{"kind", storage::to_text(each.kind)},
                            {"entity", each.entity},
                            {"id", std::to_string(each.id)},
                            {"path", each.path},
                            {"message", each.message}});
    }
    return {{"rows", report.rows},
            {"index_entries", report.index_entries},
            {"media_files", report.media_files},
            {"media_bytes", report.media_bytes},
            {"problems", report.problems},
            {"counts", std::move(counts)},
            {"findings", std::move(findings)}};
}

std::string to_text(const storage::check_report& report) {
    std::string text;
    for (const storage::finding& each : report.findings) {
        text += to_printable(each.message) + '\n';
    }
    if (report.problems > report.findings.size()) {
        text +=
            fmt::format("and {} more\n", with_separators(report.problems - report.findings.size()));
    }
    text += fmt::format("{} rows, {} index entries, {} media files ({}): ",
                        with_separators(report.rows), with_separators(report.index_entries),
                        with_separators(report.media_files), to_size_text(report.media_bytes));
    return text + (report.problems == 0
                       ? "all agrees\n"
                       : fmt::format("{} problems\n", with_separators(report.problems)));
}

exit_code to_exit_code(const storage::check_report& report) {
    return report.problems == 0 ? exit_code::done : exit_code::refused;
}

exit_code run_check(word_context& context, const check_word_options& options) {
    const auto opened = open_local_or_remote(context);
    const storage::check_report report =
        storage::check_all(opened->store(), context.data_dir / "media",
                           {.hash = options.hash, .watch = context.watch(), .on_finding = {}});
    context.out.result(context.out.is_json() ? to_json_text(to_json(report)) + '\n'
                                             : to_text(report));
    return to_exit_code(report);
}

exit_code run_repair(word_context& context, const check_word_options& options) {
    const auto opened = open_local_or_remote(context);
    // Its actions may be many: each is said as it comes.
    bool is_first = true;
    const auto say = [&](const storage::repair_action& action) {
        if (!context.out.is_json()) {
            context.out.result((options.yes ? "" : "would: ") + to_printable(action.text) + '\n');
            return;
        }
        const nlohmann::json json{{"kind", storage::to_text(action.kind)}, {"text", action.text}};
        context.out.result((is_first ? R"({"actions":[)" : ",") + to_json_text(json));
        is_first = false;
    };
    storage::repair_options wanted{.yes = options.yes,
                                   .hash = options.hash,
                                   .quarantine = context.data_dir / "quarantine",
                                   .watch = context.watch(),
                                   .on_action = say};
    storage::database* const local = opened->local();
    const storage::repair_report report =
        storage::repair(opened->store(), context.data_dir / "media",
                        local != nullptr ? &local->placement() : nullptr, wanted);
    if (context.out.is_json()) {
        context.out.result(std::string{is_first ? R"({"actions":[)" : ""} + "]" +
                           fmt::format(R"(,"done":{},"check":)", options.yes) +
                           to_json_text(to_json(report.check)) + "}\n");
        return to_exit_code(report.check);
    }
    context.out.result(to_text(report.check));
    if (!options.yes && report.actions != 0) {
        context.out.note(
            fmt::format("{} could be mended: add --yes", with_separators(report.actions)));
    }
    return to_exit_code(report.check);
}

}  // namespace

void add_check(word_list& words) {
    const auto options = std::make_shared<check_word_options>();
    CLI::App& word = words.add("check", "Checks that rows, indexes, counters and media agree",
                               [options](word_context& context) {
                                   return options->repair ? run_repair(context, *options)
                                                          : run_check(context, *options);
                               });
    word.add_flag("--hash", options->hash, "Read all media files and compare their digests");
    CLI::Option* const repair = word.add_flag(
        "--repair", options->repair, "Say what can be mended of what derives from the rows");
    word.add_flag("--yes", options->yes, "Mend it, not only say so")->needs(repair);
}

}  // namespace pinhole::admin
