#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/json_body.hpp"
#include "storage/accounts.hpp"

namespace pinhole::handlers {

awaitable<http::response> get_user(call& c) {
    const auto view = co_await c.api.work().read([&](const kv::reader& reader) {
        return storage::get_user(reader, c.request.parameter("id"));
    });
    co_return view ? entity_answer(c.request, storage::to_json(*view)) : to_response(view.error());
}

awaitable<http::response> get_me(call& c) {
    const auto view = co_await c.api.work().read(
        [&](const kv::reader& reader) { return storage::get_user(reader, c.who.user); });
    co_return view ? entity_answer(c.request, storage::to_json(*view)) : to_response(view.error());
}

awaitable<http::response> edit_me(call& c) {
    auto body = co_await read_json(c, profile_fields);
    if (!body) {
        co_return std::move(body.error());
    }
    const storage::profile_changes changes{.name = body->fields.take_optional("name"),
                                           .website = body->fields.take_optional("website"),
                                           .bio = body->fields.take_optional("bio")};
    const auto may = if_match<storage::user_view>(c.request);
    const auto view = co_await write_as_caller(c, [&](const kv::reader& reader) {
        return storage::plan_edit_profile(reader, c.who.user, changes, c.at, may);
    });
    co_return view ? updated_answer(storage::to_json(*view)) : to_response(view.error());
}

}  // namespace pinhole::handlers
