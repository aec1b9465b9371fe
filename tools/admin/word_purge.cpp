// purge: removes for good what was deleted long ago.
#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "storage/base/id.hpp"
#include "storage/maintenance/purge.hpp"
#include "storage/maintenance/retention.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/checks.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

constexpr int days_max = 3650;

struct purge_word_options {
    int days = 30;  ///< as long as a server by default lets things be restored
    bool dry_run = false;
};

exit_code run_purge(word_context& context, const purge_word_options& options) {
    const storage::timestamp at = storage::now();
    if (!storage::is_plausible(at)) {
        throw refusal{"the clock reads a time that cannot be: nothing is purged by it"};
    }
    const auto opened = open_local_or_remote(context);
    storage::database* const local = opened->local();
    const storage::purge_report gone =
        storage::purge(opened->store(), local != nullptr ? &local->placement() : nullptr,
                       {.before = storage::purged_before(at, std::chrono::days{options.days}),
                        .dry_run = options.dry_run,
                        .watch = context.watch()});
    if (context.out.is_json()) {
        context.out.result(fmt::format(
            R"({{"users":{},"posts":{},"files":{},"comments":{},"likes":{},"media_bytes":{},)"
            R"("left":{},"dry_run":{}}})"
            "\n",
            gone.users, gone.posts, gone.files, gone.comments, gone.likes, gone.media_bytes,
            gone.left, options.dry_run));
    } else {
        context.out.result((options.dry_run ? "would purge " : "purged ") + storage::to_text(gone) +
                           '\n');
    }
    return gone.left == 0 ? exit_code::done : exit_code::refused;
}

}  // namespace

void add_purge(word_list& words) {
    const auto options = std::make_shared<purge_word_options>();
    CLI::App& word =
        words.add("purge", "Removes for good what was deleted long ago, with its media",
                  [options](word_context& context) { return run_purge(context, *options); });
    word.add_option("--older-than", options->days,
                    "Days since the deletion; fewer than the server's --restore-retention takes "
                    "away what could be restored")
        ->check(decimal())
        ->check(CLI::Range(0, days_max))
        ->capture_default_str();
    word.add_flag("--dry-run", options->dry_run, "Only count");
}

}  // namespace pinhole::admin
