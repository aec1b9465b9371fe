#include "storage/comments.hpp"

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/idempotency.hpp"
#include "handlers/json_body.hpp"

namespace pinhole::handlers {

namespace {

http::response no_such_comment() {
    return to_response(storage::not_found("comment").error());
}

}  // namespace

awaitable<http::response> create_comment(call& c) {
    const auto post = path_id(c);
    if (!post) {
        co_return to_response(storage::not_found("post").error());
    }
    auto body = co_await read_json(c, comment_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    const auto key = hold_key(c, "comment " + std::to_string(*post));
    if (!key) {
        co_return to_response(key.error());
    }
    // Not when the request was taken: its body may have come slowly.
    const auto made = c.api.database().ids().next_dated(storage::now());
    if (!made) {
        co_return no_id_answer(c);
    }
    const storage::comment row{.id = made->id,
                               .post = {*post},
                               .author = {c.who.user},
                               .content = body->fields.take("content"),
                               .created_at = made->created_at,
                               .updated_at = made->created_at};
    auto plan = [&](const kv::reader& reader) { return storage::plan_create_comment(reader, row); };
    auto render = [](const storage::comment_view& view) {
        return storage::idempotent_answer{
            .status = 201,
            .location = "/api/v1/comments/" + std::to_string(view.row.id),
            .body = storage::to_json(view)};
    };
    const std::string fingerprint = fingerprint_of(body->bytes);
    const auto answer = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return plan_once(reader, c, *key, fingerprint, plan, render);
    });
    co_return answer ? to_response(*answer) : to_response(answer.error());
}

awaitable<http::response> get_comment(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_comment();
    }
    const auto view = co_await c.api.work().read(
        [&](const kv::reader& reader) { return storage::get_comment(reader, *id); });
    co_return view ? entity_answer(c.request, storage::to_json(*view)) : to_response(view.error());
}

awaitable<http::response> edit_comment(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_comment();
    }
    auto body = co_await read_json(c, comment_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    const std::string content = body->fields.take("content");
    const auto may = if_match<storage::comment_view>(c.request);
    const auto view = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_edit_comment(reader, c.who.user, *id, content, c.at, may);
    });
    co_return view ? updated_answer(storage::to_json(*view)) : to_response(view.error());
}

awaitable<http::response> delete_comment(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return no_such_comment();
    }
    const auto may = if_match<storage::comment_view>(c.request);
    const auto deleted = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_delete_comment(reader, c.who.user, *id, c.at, may);
    });
    co_return deleted ? http::response::no_content() : to_response(deleted.error());
}

}  // namespace pinhole::handlers
