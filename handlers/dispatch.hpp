// The declaration of one route, and what happens around every handler: who may, rate limits, query
// parameters. routes.cpp holds the table; openapi.cpp and the access tests read it as well.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "handlers/api.hpp"
#include "server/request.hpp"
#include "server/response.hpp"
#include "storage/schema/text_rule.hpp"
#include "storage/sessions.hpp"

namespace pinhole::handlers {

/// One request on its way through the API.
struct call {
    handlers::api& api;
    http::request& request;
    storage::caller who;  ///< nobody (id 0) on routes that anyone may call

    storage::timestamp at;  ///< when the request was taken: the time that its writes carry
    std::vector<storage::field_fault> query_faults;
};

using handler_function = awaitable<http::response> (*)(call&);

enum class access : std::uint8_t { anyone, user };

/// What a request is charged to.
enum class cost : std::uint8_t { free, login, signup, write };

/// A member of a JSON body. All of them are text.
struct body_field {
    std::string_view name;
    storage::text_rule rule;
    bool required = true;
};

enum class body_kind : std::uint8_t { none, json, multipart };

/// What a query parameter of a list holds.
enum class query_value : std::uint8_t { page_size, text, id, user, boolean };

struct query_parameter {
    std::string_view name;
    query_value value;
    std::string_view description;
};

/// Statuses, ended by a zero.
using status_list = std::array<unsigned, 4>;

struct route_spec {
    http::verb method;
    std::string_view pattern;
    handler_function handle;
    access who = access::user;
    handlers::cost cost = cost::free;
    std::string_view summary = {};
    unsigned success = 200;
    std::string_view answer = {};  ///< schema name in the OpenAPI document; empty: no body
    body_kind body = body_kind::none;
    std::span<const body_field> fields = {};
    std::span<const query_parameter> query = {};
    /// Takes filters on any path of `answer` besides, and judges its parameters itself.
    bool takes_filters = false;
    bool is_list = false;  ///< `answer` is what a page holds
    bool takes_idempotency_key = false;
    /// Answers carry an ETag; reading honours If-None-Match, deleting and editing If-Match.
    bool has_etag = false;
    /// Error statuses besides those that follow from the rest.
    status_list errors = {};
    bool any_query = false;  ///< ignores query parameters (health checks, media)
};

std::span<const route_spec> route_table();

/// `unit_of_work::write` on behalf of the caller: the commit happens only if the login that the
/// request came with has not ended meanwhile, however long its body took.
/// Errors: unauthenticated, and those of `unit_of_work::write`.
template <class Plan>
awaitable<result<decltype(std::invoke_result_t<Plan&, const kv::reader&>::value_type::value)>>
write_as_caller(call& c, Plan plan) {
    co_return co_await c.api.work().write(
        [&](const kv::reader& reader) -> std::invoke_result_t<Plan&, const kv::reader&> {
            auto login = storage::find_login(reader, c.who, storage::now());
            if (!login) {
                return std::unexpected{std::move(login.error())};
            }
            auto planned = plan(reader);
            if (planned && !planned->commit.empty()) {
                storage::require_unchanged(planned->commit, *login);
            }
            return planned;
        });
}

/// Charges a try at an account's password, named by username or id, to this client. What to answer
/// if it has had too many.
std::optional<http::response> refuse_guess(call& c, std::string_view account);

/// The route as the server's router wants it, with everything that surrounds the handler.
http::route to_route(api& api, const route_spec& spec);

}  // namespace pinhole::handlers
