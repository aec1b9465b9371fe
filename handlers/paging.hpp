// The query of a list: page size, cursor, exact filters; and the page as JSON.
//
// A cursor is opaque, authenticated and bound to its list and filters:
//   base64url(16-byte code, direction, index key)
// Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "handlers/answers.hpp"
#include "handlers/dispatch.hpp"
#include "storage/list.hpp"
#include "storage/schema/json_writer.hpp"

namespace pinhole::handlers {

/// Reads the parameters of one list one by one and collects what is wrong with them, beginning with
/// those that the list does not know.
class list_query {
public:
    explicit list_query(call& c);

    /// An id, or `me` where the reference is to a user.
    std::optional<storage::entity_id> reference(std::string_view name, bool is_user);
    std::optional<bool> boolean(std::string_view name);
    void refuse(std::string_view name, std::string code, std::string message);

    /// Page size and cursor. Call last: the cursor is bound to the filters read before, so it is
    /// judged only where they are right.
    /// Errors: malformed, naming every bad parameter.
    result<storage::page_request> page_request();

    /// The URL of a page beside this one.
    std::string url_of(const storage::position& position) const;

private:
    std::string bound_to() const;
    std::optional<storage::position> parse_cursor(std::string_view text) const;
    std::string make_cursor(const storage::position& position) const;

    call& c_;
    std::vector<std::pair<std::string, std::string>> filters_;  ///< as given, in table order
    std::uint32_t page_size_ = page_size_default;
    bool page_size_given_ = false;
    std::vector<storage::field_fault> faults_;

    static constexpr std::uint32_t page_size_default = 20;
    static constexpr std::uint32_t page_size_max = 100;
};

template <class View>
http::response page_answer(const list_query& query, const storage::page<View>& page) {
    std::string json;
    json.reserve(256 + page.results.size() * 512);
    const auto append_url = [&](const std::optional<storage::position>& position) {
        if (position) {
            storage::append_json_string(json, query.url_of(*position));
        } else {
            json += "null";
        }
    };
    json += "{\"next\":";
    append_url(page.next);
    json += ",\"previous\":";
    append_url(page.previous);
    json += ",\"results\":[";
    for (std::size_t i = 0; i < page.results.size(); ++i) {
        json += i == 0 ? "" : ",";
        storage::append_json(json, page.results[i]);
    }
    json += "]}";
    return http::response::json(http::status::ok, std::move(json));
}

/// Reads one page and answers it. `list(reader, request)` gives the storage::page; it may hold
/// references to what outlives the call.
template <class List>
awaitable<http::response> answer_list(call& c, list_query& query, List list) {
    const auto request = query.page_request();
    if (!request) {
        co_return to_response(request.error());
    }
    using page = std::invoke_result_t<List&, const kv::reader&, const storage::page_request&>;
    const auto found = co_await c.api.work().read(
        [&](const kv::reader& reader) -> result<page> { return list(reader, *request); });
    co_return found ? page_answer(query, *found) : to_response(found.error());
}

}  // namespace pinhole::handlers
