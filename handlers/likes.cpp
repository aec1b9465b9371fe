#include "storage/likes.hpp"

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"

namespace pinhole::handlers {

awaitable<http::response> put_like(call& c) {
    const auto post = path_id(c);
    if (!post) {
        co_return to_response(storage::not_found("post").error());
    }
    const auto made = c.api.database().ids().next_dated(storage::now());
    if (!made) {
        co_return no_id_answer(c);
    }
    const storage::like row{.id = made->id,
                            .post = {*post},
                            .user = {c.who.user},
                            .created_at = made->created_at,
                            .updated_at = made->created_at};
    const auto liked = co_await write_as_caller(
        c, [&](const kv::reader& reader) { return storage::plan_like(reader, row); });
    if (!liked) {
        co_return to_response(liked.error());
    }
    std::string json = storage::to_json(liked->view);
    if (!liked->is_new) {
        co_return updated_answer(std::move(json));
    }
    co_return created_answer(std::move(json),
                             "/api/v1/likes/" + std::to_string(liked->view.row.id));
}

awaitable<http::response> delete_like(call& c) {
    const auto post = path_id(c);
    if (!post) {
        co_return to_response(storage::not_found("post").error());
    }
    const auto may = if_match<storage::like_view>(c.request);
    const auto unliked = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_unlike(reader, c.who.user, *post, c.at, may);
    });
    co_return unliked ? http::response::no_content() : to_response(unliked.error());
}

awaitable<http::response> get_like(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return to_response(storage::not_found("like").error());
    }
    const auto view = co_await c.api.work().read(
        [&](const kv::reader& reader) { return storage::get_like(reader, *id); });
    co_return view ? entity_answer(c.request, storage::to_json(*view)) : to_response(view.error());
}

}  // namespace pinhole::handlers
