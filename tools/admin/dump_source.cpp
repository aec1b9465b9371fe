#include "tools/admin/dump_source.hpp"

#include <fmt/format.h>

#include "storage/read_only_database.hpp"

namespace pinhole::admin {

dump_source open_dump_source(word_context& context, bool with_media) {
    dump_source opened;
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
