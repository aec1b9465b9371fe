#include "handlers/list_parameters.hpp"

#include <algorithm>

#include "server/text.hpp"
#include "storage/base/text.hpp"
#include "storage/kv/key_codec.hpp"
#include "storage/query/list_parameters.hpp"

namespace pinhole::handlers {

namespace {

namespace query = storage::query;

constexpr std::size_t code_bytes = 16;
/// With a cursor behind it, it still is a target that the server takes.
constexpr std::size_t list_query_bytes_max = 7 * 1024;
/// They change the answer's shape, not which rows a position stands between.
bool is_bound_to_cursor(std::string_view name) {
    return name != "cursor" && name != "page_size" && name != "count" && name != "explain";
}

}  // namespace

result<query::list_request> list_parameters::read() {
    const auto refuse = [](std::string_view name, std::string code, std::string message) {
        return std::unexpected{
            query::bad_query({{std::string{name}, std::move(code), std::move(message)}})};
    };
    if (query_bytes() > list_query_bytes_max) {
        return refuse(
            "query", "too_long",
            "may have " + std::to_string(list_query_bytes_max) + " bytes, percent-encoded");
    }
    auto parameters =
        query::read_list_parameters({.root = root_,
                                     .me = c_.who.user,
                                     .at = c_.at,
                                     .restore_retention = c_.api.options().restore_retention,
                                     .rows_read_max = c_.api.options().rows_read_max,
                                     .processor_time_max = c_.api.options().query_time_max},
                                    c_.request.query);
    if (!parameters) {
        return std::unexpected{std::move(parameters.error())};
    }
    // The cursor is bound to the rest, so it is judged only where that is right.
    if (parameters->cursor) {
        parameters->request.page.from = parse_cursor(*parameters->cursor);
        if (!parameters->request.page.from) {
            return refuse("cursor", "invalid_cursor",
                          "is not a cursor of this list with these filters and this order");
        }
    }
    explains_ = parameters->explains;
    return std::move(parameters->request);
}

bool list_parameters::are_costly() const {
    constexpr std::string_view pattern = "regex";
    return std::ranges::any_of(c_.request.query, [&](const auto& parameter) {
        const auto& [name, value] = parameter;
        return name.contains(pattern) || (name == "filter" && value.contains(pattern));
    });
}

std::string list_parameters::bound_to() const {
    kv::key_writer out;
    out.append_string(c_.request.log().route);
    // `me` means somebody else for another caller.
    out.append_i64(c_.who.user);
    for (const auto& [name, value] : c_.request.query) {
        if (is_bound_to_cursor(name)) {
            out.append_string(name);
            out.append_string(value);
        }
    }
    return out.take();
}

std::string list_parameters::make_cursor(const query::position& position) const {
    kv::key_writer out;
    out.append_u8(static_cast<std::uint8_t>(position.direction));
    out.append_i64(position.row);
    const std::string place = out.take() + position.key;
    const std::string code = c_.api.database().keys().authenticate(bound_to() + place);
    return storage::to_base64url(storage::as_octets(code + place));
}

std::optional<query::position> list_parameters::parse_cursor(std::string_view text) const {
    const auto bytes = storage::parse_base64url(text);
    if (!bytes || bytes->size() <= code_bytes) {
        return std::nullopt;
    }
    const std::string place = bytes->substr(code_bytes);
    if (!c_.api.database().keys().is_authentic(bound_to() + place, bytes->substr(0, code_bytes))) {
        return std::nullopt;
    }
    // Authentic, so it is what `make_cursor` wrote.
    kv::key_reader in{place};
    const auto direction = static_cast<query::direction>(in.read_u8().value());
    const storage::entity_id row = in.read_i64().value();
    return query::position{direction, std::string{in.rest()}, row};
}

/// Of what the pages beside this one repeat, as they write it.
std::size_t list_parameters::query_bytes() const {
    std::size_t bytes = 0;
    for (const auto& [name, value] : c_.request.query) {
        if (name != "cursor") {
            bytes += http::percent_encode(name).size() + http::percent_encode(value).size() + 2;
        }
    }
    return bytes;
}

std::string list_parameters::url_of(const query::position& position) const {
    std::string url{c_.request.log().route};
    url += '?';
    for (const auto& [name, value] : c_.request.query) {
        if (name != "cursor") {
            url += http::percent_encode(name) + '=' + http::percent_encode(value) + '&';
        }
    }
    return url + "cursor=" + make_cursor(position);
}

}  // namespace pinhole::handlers
