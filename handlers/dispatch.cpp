#include "handlers/dispatch.hpp"

#include <algorithm>

#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"
#include "storage/base/shortage.hpp"
#include "storage/kv/store.hpp"
#include "storage/query/list_parameters.hpp"

namespace pinhole::handlers {

namespace {

using storage::error_code;

/// Enough to mend any honest query by; a hostile one names thousands.
constexpr std::size_t query_faults_max = 32;

http::response too_many_requests(std::chrono::milliseconds wait) {
    http::response answer = http::problem(http::status::too_many_requests,
                                          "Too many requests. Wait before the next one.");
    http::set_retry_after(answer, wait);
    return answer;
}

std::optional<http::response> refuse_beyond(rate_limiter& limiter, const std::string& name) {
    const auto wait = limiter.take(name);
    return wait ? std::optional{too_many_requests(*wait)} : std::nullopt;
}

std::optional<http::response> refuse_by_rate(call& c, cost cost) {
    const auto client = [&] { return bucket_name(c.request.remote_address); };
    switch (cost) {
        case cost::free:
            return std::nullopt;
        case cost::login:
            return refuse_beyond(c.api.logins(), client());
        case cost::signup:
            return refuse_beyond(c.api.signups(), client());
        case cost::write: {
            auto refused = refuse_beyond(c.api.client_writes(), client());
            return refused ? std::move(refused)
                           : refuse_beyond(c.api.writes(), std::to_string(c.who.user));
        }
    }
    return std::nullopt;
}

/// What is wrong with the names of the query's parameters. A mistyped one must not be ignored: a
/// list would silently show everything.
std::vector<storage::field_fault> find_query_faults(const http::request& request,
                                                    const route_spec& spec) {
    std::vector<storage::field_fault> faults;
    if (spec.any_query || spec.takes_filters || request.query.empty()) {
        return faults;
    }
    std::string allowed;
    for (const query_parameter& known : spec.query) {
        allowed += allowed.empty() ? "" : ", ";
        allowed += known.name;
    }
    for (const auto& parameter : request.query) {
        if (faults.size() == query_faults_max) {
            break;
        }
        const std::string& name = parameter.first;
        const auto is_named = [&](const auto& fault) { return fault.field == name; };
        if (std::ranges::any_of(faults, is_named)) {
            continue;
        }
        const auto same_name = [&](const auto& other) { return other.first == name; };
        if (std::ranges::find(spec.query, name, &query_parameter::name) == spec.query.end()) {
            faults.push_back({name, "unknown_parameter",
                              allowed.empty() ? "this takes no query parameters"
                                              : "is unknown; allowed are: " + allowed});
        } else if (std::ranges::count_if(request.query, same_name) > 1) {
            faults.push_back({name, "repeated", "is given more than once"});
        }
    }
    return faults;
}

/// The token of `Authorization: Bearer TOKEN`; empty if there is none.
std::string_view token_of(const http::request& request) {
    constexpr std::string_view scheme = "bearer ";
    const std::string_view header = request.header("authorization");
    if (header.size() <= scheme.size() ||
        !std::ranges::equal(header.substr(0, scheme.size()), scheme, [](char a, char b) {
            return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
        })) {
        return {};
    }
    return header.substr(scheme.size());
}

awaitable<result<known_login>> look_up(call& c, std::string_view text) {
    const auto token = storage::parse_login_token(text);
    if (!token) {
        co_return storage::fail(error_code::unauthenticated,
                                "This needs a login: Authorization: Bearer TOKEN.");
    }
    const std::uint64_t seen_at = c.api.known_logins().now();
    auto found = co_await c.api.work().read([&](const kv::reader& reader) {
        return storage::authenticate(reader, c.api.database().keys(), *token, c.at);
    });
    if (!found) {
        co_return std::unexpected{std::move(found.error())};
    }
    auto login = std::make_shared<const storage::authenticated>(std::move(*found));
    c.api.known_logins().remember(text, login, seen_at);
    co_return login;
}

/// Sets the caller, and moves the login's sliding expiry when that is due. Nobody waits for the
/// move, and losing it against a logout is right.
void identify(call& c, const storage::authenticated& found) {
    c.who = found.caller;
    c.request.log().user_id = std::to_string(c.who.user);
    const auto life = c.api.options().token_life;
    if (storage::wants_refresh(found.session.row, c.at, life)) {
        c.api.work().write_unawaited(storage::plan_refresh(found.session, c.at, life));
    }
}

/// Whether it asks if a login's time is over, or writes a date.
bool needs_clock(const route_spec& spec) {
    return spec.who == access::user || spec.cost != cost::free;
}

bool announces_body(const http::request& request) {
    return !request.header("content-length").empty() ||
           !request.header("transfer-encoding").empty();
}

awaitable<http::response> dispatch(api& api, const route_spec& spec, http::request& request) {
    call c{.api = api,
           .request = request,
           .who = {},
           .at = storage::now(),
           .query_faults = find_query_faults(request, spec)};
    if (needs_clock(spec) && !storage::is_plausible(c.at)) {
        co_return http::problem(http::status::service_unavailable, clock_is_wrong);
    }
    if (spec.who == access::user) {
        const std::string_view token = token_of(request);
        if (const auto known = api.known_logins().find(token, c.at)) {
            identify(c, *known);
        } else {
            const auto found = co_await look_up(c, token);
            if (!found) {
                co_return to_response(found.error());
            }
            identify(c, **found);
        }
    }
    if (!c.query_faults.empty()) {
        co_return to_response(storage::query::bad_query(std::move(c.query_faults)));
    }
    if (spec.body != body_kind::none && !announces_body(request)) {
        co_return http::problem(http::status::length_required,
                                "This needs a body with Content-Length, or a chunked one.");
    }
    if (auto refused = refuse_by_rate(c, spec.cost)) {
        co_return std::move(*refused);
    }
    co_return co_await spec.handle(c);
}

}  // namespace

std::optional<http::response> refuse_guess(call& c, std::string_view account) {
    return refuse_beyond(c.api.guesses(),
                         bucket_name(c.request.remote_address) + ' ' + std::string{account});
}

std::optional<storage::entity_id> path_id(const call& c) {
    return storage::parse_id(c.request.parameter("id"));
}

http::response no_id_answer(const call& c) {
    return to_response(c.api.work().health() == kv::health::full
                           ? storage::disk_full()
                           : storage::error{error_code::unavailable,
                                            "The server takes no writes now. Try again soon.",
                                            {}});
}

http::route to_route(api& api, const route_spec& spec) {
    return {spec.method, std::string{spec.pattern},
            [&api, &spec](http::request& request) { return dispatch(api, spec, request); }};
}

std::optional<http::response> to_response(std::exception_ptr failure) {
    try {
        std::rethrow_exception(failure);
    } catch (const kv::storage_failure&) {
        return http::problem(http::status::service_unavailable, "Storage failed.");
    } catch (const std::system_error& error) {
        if (is_shortage(error.code())) {
            return to_response(storage::overloaded());
        }
        return http::problem(http::status::service_unavailable, "Storage failed.");
    } catch (const std::bad_alloc&) {
        return http::problem(http::status::service_unavailable, "The server is out of memory.");
    } catch (const std::exception&) {
        return std::nullopt;  // the server answers 500; it has logged what it was
    }
}

}  // namespace pinhole::handlers
