#include "storage/sessions.hpp"

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"

namespace pinhole::handlers {

namespace {

awaitable<http::response> end(call& c, storage::entity_id id) {
    const auto ended = co_await write_as_caller(
        c, [&](const kv::reader& reader) { return storage::plan_end_session(reader, c.who, id); });
    co_return ended ? http::response::no_content() : to_response(ended.error());
}

}  // namespace

awaitable<http::response> log_out(call& c) {
    return end(c, c.who.session);
}

awaitable<http::response> end_session(call& c) {
    const auto id = path_id(c);
    if (!id) {
        co_return to_response(storage::not_found("session").error());
    }
    // A login is never shown with an ETag, so none can match.
    const std::string_view wanted = c.request.header("if-match");
    if (!wanted.empty() && wanted != "*") {
        co_return to_response(storage::version_differs().error());
    }
    co_return co_await end(c, *id);
}

awaitable<http::response> list_sessions(call& c) {
    const auto views = co_await c.api.work().read(
        [&](const kv::reader& reader) -> result<std::vector<storage::session_view>> {
            return storage::list_sessions(reader, c.who, c.at);
        });
    if (!views) {
        co_return to_response(views.error());
    }
    // An account has few of them: always one page, in the shape of the other lists.
    std::string json = R"({"next":null,"previous":null,"results":[)";
    for (std::size_t i = 0; i < views->size(); ++i) {
        json += i == 0 ? "" : ",";
        storage::append_json(json, (*views)[i]);
    }
    json += "]}";
    co_return http::response::json(http::status::ok, std::move(json));
}

}  // namespace pinhole::handlers
