#include "storage/files.hpp"

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"

namespace pinhole::handlers {

namespace {

http::response no_such_file() {
    return to_response(storage::not_found("file").error());
}

}  // namespace

awaitable<http::response> get_file(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_file();
    }
    const auto view = co_await c.api.work().read(
        [&](const kv::reader& reader) { return storage::get_file(reader, *id); });
    co_return view ? entity_answer(c.request, storage::to_json(*view)) : to_response(view.error());
}

awaitable<http::response> delete_file(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_file();
    }
    const auto may = if_match<storage::file_view>(c.request);
    const auto deleted = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_delete_file(reader, c.who.user, *id, c.at, may);
    });
    if (!deleted) {
        co_return to_response(deleted.error());
    }
    const auto placed =
        co_await place_media(c, {storage::job_kind::place_post_media, deleted->post.id});
    co_return placed ? http::response::no_content() : to_response(placed.error());
}

}  // namespace pinhole::handlers
