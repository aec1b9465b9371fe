// The five lists: one handler, told which entity it lists.
#include <chrono>

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "handlers/list_parameters.hpp"
#include "storage/accounts.hpp"
#include "storage/query/list_query.hpp"
#include "storage/query/views.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::handlers {

namespace {

namespace query = storage::query;

struct found_page {
    std::string results;  ///< a JSON array
    query::list_answer answer;
    std::chrono::microseconds taken{};
};

result<found_page> find_page(const kv::reader& reader, const query::list_request& request) {
    const auto begun = std::chrono::steady_clock::now();
    if (request.sees == storage::sight::with_deleted && !storage::is_staff(reader, request.me)) {
        return storage::fail(storage::error_code::forbidden,
                             "include_deleted=true is for staff alone.");
    }
    auto answer = query::run_list(reader, request);
    if (!answer) {
        return std::unexpected{std::move(answer.error())};
    }
    found_page page;
    query::append_views(page.results, reader, request.sees, request.me, request.root,
                        std::move(answer->rows.results));
    page.answer = std::move(*answer);
    page.taken = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begun);
    return page;
}

http::response to_answer(const list_parameters& parameters, const found_page& page) {
    std::string json;
    json.reserve(512 + page.results.size());
    const auto append_url = [&](const std::optional<query::position>& position) {
        if (position) {
            storage::append_json_string(json, parameters.url_of(*position));
        } else {
            json += "null";
        }
    };
    json += '{';
    if (page.answer.count) {
        json += "\"count\":";
        storage::append_json_integer(json, *page.answer.count);
        json += ',';
    }
    json += "\"next\":";
    append_url(page.answer.rows.next);
    json += ",\"previous\":";
    append_url(page.answer.rows.previous);
    json += ",\"results\":";
    json += page.results;
    if (parameters.explains()) {
        json += ",\"plan\":";
        query::append_json(json, page.answer.plan, page.taken);
    }
    json += '}';
    return http::response::json(http::status::ok, std::move(json));
}

awaitable<http::response> list(call& c, query::entity root) {
    list_parameters parameters{c, root};
    const auto request =
        parameters.are_costly()
            ? co_await c.api.work().compute([&parameters] { return parameters.read(); })
            : parameters.read();
    if (!request) {
        co_return to_response(request.error());
    }
    const auto page = co_await c.api.work().read(
        [&](const kv::reader& reader) { return find_page(reader, *request); });
    co_return page ? to_answer(parameters, *page) : to_response(page.error());
}

}  // namespace

awaitable<http::response> list_users(call& c) {
    return list(c, query::entity::user);
}
awaitable<http::response> list_posts(call& c) {
    return list(c, query::entity::post);
}
awaitable<http::response> list_files(call& c) {
    return list(c, query::entity::file);
}
awaitable<http::response> list_comments(call& c) {
    return list(c, query::entity::comment);
}
awaitable<http::response> list_likes(call& c) {
    return list(c, query::entity::like);
}

}  // namespace pinhole::handlers
