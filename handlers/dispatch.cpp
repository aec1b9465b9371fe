#include "handlers/dispatch.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "handlers/answers.hpp"
#include "storage/kv/store.hpp"

namespace pinhole::handlers {

namespace {

using storage::error_code;

http::response too_many_requests(std::chrono::milliseconds wait) {
    http::response answer = http::problem(http::status::too_many_requests,
                                          "Too many requests. Wait before the next one.");
    http::set_retry_after(answer, wait);
    return answer;
}

std::optional<http::response> refuse_by_rate(call& c, cost cost) {
    const auto refused = [](rate_limiter& limiter, const std::string& name) {
        const auto wait = limiter.take(name);
        return wait ? std::optional{too_many_requests(*wait)} : std::nullopt;
    };
    switch (cost) {
        case cost::free:
            return std::nullopt;
        case cost::login:
            return refused(c.api.logins(), bucket_name(c.request.remote_address));
        case cost::signup:
            return refused(c.api.signups(), bucket_name(c.request.remote_address));
        case cost::write:
            return refused(c.api.writes(), std::to_string(c.who.user));
    }
    return std::nullopt;
}

/// A mistyped parameter must not be ignored: a list would silently show everything.
std::optional<http::response> refuse_unknown_query(const http::request& request,
                                                   const route_spec& spec) {
    if (spec.any_query || request.query.empty()) {
        return std::nullopt;
    }
    std::string allowed;
    for (const query_parameter& known : spec.query) {
        allowed += allowed.empty() ? "" : ", ";
        allowed += known.name;
    }
    std::vector<http::field_error> errors;
    for (const auto& parameter : request.query) {
        const std::string& name = parameter.first;
        const auto same_name = [&](const auto& other) { return other.first == name; };
        const bool is_known =
            std::ranges::find(spec.query, name, &query_parameter::name) != spec.query.end();
        if (!is_known) {
            errors.push_back({name, "unknown_parameter",
                              allowed.empty() ? "this takes no query parameters"
                                              : "is unknown; allowed are: " + allowed});
        } else if (std::ranges::count_if(request.query, same_name) > 1) {
            errors.push_back({name, "repeated", "is given more than once"});
        }
    }
    if (errors.empty()) {
        return std::nullopt;
    }
    std::string detail = "The query has a parameter that is not allowed: " + errors.front().field;
    return http::problem(http::status::bad_request, std::move(detail), std::move(errors));
}

std::optional<storage::login_token> token_of(const http::request& request) {
    constexpr std::string_view scheme = "bearer ";
    const std::string_view header = request.header("authorization");
    if (header.size() <= scheme.size() ||
        !std::ranges::equal(header.substr(0, scheme.size()), scheme, [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        })) {
        return std::nullopt;
    }
    return storage::parse_login_token(header.substr(scheme.size()));
}

/// Moves the sliding expiry. Nobody waits for it, and losing it against a logout is right.
void refresh_session(call& c, storage::stored<storage::session> seen) {
    c.api.database().store().submit(storage::plan_refresh(seen, c.at, c.api.options().token_life),
                                    [](kv::outcome) {});
}

awaitable<result<void>> identify(call& c) {
    const auto token = token_of(c.request);
    if (!token) {
        co_return storage::fail(error_code::unauthenticated,
                                "This needs a login: Authorization: Bearer TOKEN.");
    }
    auto found = co_await c.api.work().read([&](const kv::reader& reader) {
        return storage::authenticate(reader, c.api.database().keys(), *token, c.at);
    });
    if (!found) {
        co_return std::unexpected{std::move(found.error())};
    }
    c.who = found->caller;
    c.request.log().user_id = std::to_string(c.who.user);
    if (storage::wants_refresh(found->session.row, c.at, c.api.options().token_life)) {
        refresh_session(c, std::move(found->session));
    }
    co_return result<void>{};
}

awaitable<http::response> dispatch(api& api, const route_spec& spec, http::request& request) {
    call c{.api = api, .request = request, .who = {}, .at = storage::now()};
    if (spec.who == access::user) {
        const auto identified = co_await identify(c);
        if (!identified) {
            co_return to_response(identified.error());
        }
    }
    if (auto refused = refuse_unknown_query(request, spec)) {
        co_return std::move(*refused);
    }
    if (auto refused = refuse_by_rate(c, spec.cost)) {
        co_return std::move(*refused);
    }
    co_return co_await spec.handle(c);
}

}  // namespace

http::route to_route(api& api, const route_spec& spec) {
    return {spec.method, std::string{spec.pattern},
            [&api, &spec](http::request& request) { return dispatch(api, spec, request); }};
}

std::optional<http::response> to_response(std::exception_ptr failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const kv::storage_failure&) {
        return http::problem(http::status::service_unavailable, "Storage failed.");
    } catch (const std::exception&) {
        return std::nullopt;  // the server answers 500; it has logged what it was
    }
}

}  // namespace pinhole::handlers
