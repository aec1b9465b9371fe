#include "tools/admin/frozen_rows.hpp"

#include <fmt/format.h>

#include "storage/read_only_database.hpp"
#include "tools/admin/admin_store.hpp"

namespace pinhole::admin {

void frozen_rows::release_rows() {
    if (checkpoint.connection) {
        rows.reset();
        checkpoint = {};
    }
}

frozen_rows freeze_rows(word_context& context, bool with_media) {
    frozen_rows opened;
    const auto server = connect_to_server(context.data_dir);
    if (!server) {
        const auto directory = context.data_dir / "db";
        if (!std::filesystem::exists(directory / "CURRENT")) {
            throw refusal{"there is no database in " + context.data_dir.string()};
        }
        opened.rows = storage::open_read_only(directory, to_log(context.out));
        opened.at = storage::now();
        return opened;
    }
    if (with_media) {
        try {
            opened.purge_hold = server->hold_purge();
        } catch (const storage::control::server_unusable& reason) {
            context.out.note(fmt::format(
                "files that are removed for good meanwhile will be missing: {}", reason.what()));
        }
    }
    opened.checkpoint = server->make_checkpoint();
    opened.rows = storage::open_read_only(opened.checkpoint.path, to_log(context.out));
    opened.at = opened.checkpoint.at;
    return opened;
}

}  // namespace pinhole::admin
