// reindex: makes all that derives from the rows anew.
#include <fmt/format.h>

#include "storage/reindex.hpp"
#include "tools/admin/admin_store.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

exit_code run_reindex(word_context& context) {
    const auto opened =
        open_local(context, missing_database::refuse, [&](storage::database_options& options) {
            options.reindex = true;
            options.watch = context.watch();
        });
    const storage::reindex_report made = opened->local()->reindexed().value();
    if (context.out.is_json()) {
        context.out.result(fmt::format(R"({{"rows":{},"rewritten":{},"damaged":{},"shared":{}}})"
                                       "\n",
                                       made.rows, made.rewritten, made.damaged, made.shared));
    } else {
        context.out.result(
            fmt::format("made the indexes and counters of {} rows, and set {} rows right\n",
                        with_separators(made.rows), with_separators(made.rewritten)));
    }
    if (made.damaged + made.shared == 0) {
        return exit_code::done;
    }
    context.out.error(
        fmt::format("{} rows cannot be read, {} claim a name that another has: "
                    "`check` names them",
                    made.damaged, made.shared));
    return exit_code::refused;
}

}  // namespace

void add_reindex(word_list& words) {
    words.add("reindex", "Makes all indexes and counters anew from the rows (no server may run)",
              run_reindex);
}

}  // namespace pinhole::admin
