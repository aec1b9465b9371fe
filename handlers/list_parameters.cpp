#include "handlers/list_parameters.hpp"

#include <algorithm>
#include <charconv>

#include "server/text.hpp"
#include "storage/base/text.hpp"
#include "storage/kv/key_codec.hpp"
#include "storage/query/parse.hpp"

namespace pinhole::handlers {

namespace {

namespace query = storage::query;

constexpr std::size_t code_bytes = 16;
/// With a cursor behind it, it still is a target that the server takes.
constexpr std::size_t list_query_bytes_max = 7 * 1024;
constexpr std::uint32_t page_size_max = 100;
constexpr std::string_view default_ordering = "-created_at";

/// Of these there is one at most; of a filter there may be several.
constexpr std::string_view controls[] = {"cursor", "page_size", "ordering",       "filter",
                                         "count",  "explain",   "include_deleted"};

bool is_control(std::string_view name) {
    return std::ranges::find(controls, name) != std::end(controls);
}

/// They change the answer's shape, not which rows a position stands between.
bool is_bound_to_cursor(std::string_view name) {
    return name != "cursor" && name != "page_size" && name != "count" && name != "explain";
}

bool asks_for_deleted(const http::request& request) {
    const std::string* value = request.query_value("include_deleted");
    return value != nullptr && *value == "true";
}

}  // namespace

void list_parameters::refuse(std::string_view name, std::string code, std::string message) {
    faults_.push_back({std::string{name}, std::move(code), std::move(message)});
}

template <class Value>
std::optional<Value> list_parameters::keep(result<Value> parsed) {
    if (parsed) {
        return std::move(*parsed);
    }
    std::ranges::move(parsed.error().fields, std::back_inserter(faults_));
    return std::nullopt;
}

result<query::list_request> list_parameters::read() {
    request_.root = root_;
    request_.me = c_.who.user;
    request_.page.rows_read_max = c_.api.options().rows_read_max;
    request_.page.processor_time_max = c_.api.options().query_time_max;
    const auto& given = c_.request.query;
    if (query_bytes() > list_query_bytes_max) {
        refuse("query", "too_long",
               "may have " + std::to_string(list_query_bytes_max) + " bytes, percent-encoded");
        return std::unexpected{bad_query(std::move(faults_))};
    }
    if (given.size() > list_parameters_max) {
        refuse("query", "too_many",
               "may have " + std::to_string(list_parameters_max) + " parameters");
        return std::unexpected{bad_query(std::move(faults_))};
    }
    for (const auto& [name, value] : given) {
        const auto same = std::ranges::count_if(
            given, [&](const auto& other) { return is_control(name) && other.first == name; });
        const bool is_said = std::ranges::any_of(
            faults_, [&](const auto& fault) { return is_control(name) && fault.field == name; });
        if (same > 1) {
            if (!is_said) {
                refuse(name, "repeated", "is given more than once");
            }
            continue;
        }
        take(name, value);
    }
    if (request_.order.empty() && faults_.empty()) {
        request_.order = query::parse_ordering({root_, c_.who.user}, default_ordering).value();
    }
    take_deleted();
    // The cursor is bound to the rest, so it is judged only where that is right.
    if (const std::string* text = c_.request.query_value("cursor"); text && faults_.empty()) {
        request_.page.from = parse_cursor(*text);
        if (!request_.page.from) {
            refuse("cursor", "invalid_cursor",
                   "is not a cursor of this list with these filters and this order");
        }
    }
    if (!faults_.empty()) {
        return std::unexpected{bad_query(std::move(faults_))};
    }
    return std::move(request_);
}

void list_parameters::take(const std::string& name, const std::string& value) {
    if (take_control(name, value)) {
        return;
    }
    if (root_ == query::entity::post && name == "is_deleted" && value == "true" &&
        !asks_for_deleted(c_.request)) {
        request_.deleted_since = c_.at - c_.api.options().restore_retention;
        return;
    }
    if (auto parsed = keep(query::parse_parameter({root_, c_.who.user}, name, value))) {
        request_.filter.parts.push_back(std::move(*parsed));
    }
}

bool list_parameters::take_control(const std::string& name, const std::string& value) {
    if (name == "cursor") {
        return true;
    }
    if (name == "page_size") {
        take_page_size(value);
    } else if (name == "count") {
        request_.wants_count = take_flag(name, value);
    } else if (name == "explain") {
        explains_ = take_flag(name, value);
    } else if (name == "include_deleted") {
        request_.sees =
            take_flag(name, value) ? storage::sight::with_deleted : storage::sight::alive;
    } else if (name == "filter") {
        if (auto parsed = keep(query::parse_expression({root_, c_.who.user}, value))) {
            request_.filter.parts.push_back(std::move(*parsed));
        }
    } else if (name == "ordering") {
        if (auto parsed = keep(query::parse_ordering({root_, c_.who.user}, value))) {
            request_.order = std::move(*parsed);
        }
    } else {
        return false;
    }
    return true;
}

/// Deleted rows are their author's alone, to restore.
void list_parameters::take_deleted() {
    if (!request_.deleted_since || !faults_.empty()) {
        return;
    }
    const std::string* author = c_.request.query_value("author");
    if (author == nullptr || (*author != "me" && *author != std::to_string(c_.who.user))) {
        refuse("is_deleted", "not_yours", "true is for your own posts alone: add author=me");
    }
    if (c_.request.query_value("ordering") != nullptr) {
        refuse("ordering", "not_here", "deleted posts come newest first");
    }
}

void list_parameters::take_page_size(const std::string& value) {
    const auto [end, ec] =
        std::from_chars(value.data(), value.data() + value.size(), request_.page.size);
    if (ec != std::errc{} || end != value.data() + value.size() || request_.page.size < 1 ||
        request_.page.size > page_size_max) {
        refuse("page_size", "invalid_page_size", "must be a number from 1 to 100");
    }
}

bool list_parameters::take_flag(std::string_view name, const std::string& value) {
    if (value != "true" && value != "false") {
        refuse(name, "invalid_boolean", "must be true or false");
    }
    return value == "true";
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
