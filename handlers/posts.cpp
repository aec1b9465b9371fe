#include "storage/posts.hpp"

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/json_body.hpp"

namespace pinhole::handlers {

namespace {

http::response no_such_post() {
    return to_response(storage::not_found("post").error());
}

}  // namespace

awaitable<http::response> get_post(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_post();
    }
    const auto view = co_await c.api.work().read(
        [&](const kv::reader& reader) { return storage::get_post(reader, c.who.user, *id); });
    co_return view ? entity_answer(c.request, storage::to_json(*view)) : to_response(view.error());
}

awaitable<http::response> edit_post(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_post();
    }
    auto body = co_await read_json(c, post_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    const std::string content = body->fields.take("content");
    const auto may = if_match<storage::post_view>(c.request);
    const auto view = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_edit_post(reader, c.who.user, *id, content, c.at, may);
    });
    co_return view ? updated_answer(storage::to_json(*view)) : to_response(view.error());
}

awaitable<http::response> delete_post(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_post();
    }
    const auto may = if_match<storage::post_view>(c.request);
    const auto deleted = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_delete_post(reader, c.who.user, *id, c.at, may);
    });
    if (!deleted) {
        co_return to_response(deleted.error());
    }
    const auto placed = co_await place_media(c, {storage::job_kind::place_post_media, *id});
    co_return placed ? http::response::no_content() : to_response(placed.error());
}

awaitable<http::response> restore_post(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_post();
    }
    const auto view = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_restore_post(reader, c.who.user, *id, c.at,
                                          c.api.options().restore_retention);
    });
    if (!view) {
        co_return to_response(view.error());
    }
    const auto placed = co_await place_media(c, {storage::job_kind::place_post_media, *id});
    co_return placed ? updated_answer(storage::to_json(*view)) : to_response(placed.error());
}

}  // namespace pinhole::handlers
