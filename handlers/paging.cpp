#include "handlers/paging.hpp"

#include <charconv>

#include "storage/base/text.hpp"
#include "storage/kv/key_codec.hpp"

namespace pinhole::handlers {

namespace {

constexpr std::size_t code_bytes = 16;

}  // namespace

list_query::list_query(call& c) : c_(c), faults_(c.query_faults) {}

void list_query::refuse(std::string_view name, std::string code, std::string message) {
    faults_.push_back({std::string{name}, std::move(code), std::move(message)});
}

std::optional<storage::entity_id> list_query::reference(std::string_view name, bool is_user) {
    const std::string* value = c_.request.query_value(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    const auto id =
        is_user && *value == "me" ? std::optional{c_.who.user} : storage::parse_id(*value);
    if (!id) {
        refuse(name, "invalid_id", is_user ? "must be an id or `me`" : "must be an id");
        return std::nullopt;
    }
    filters_.emplace_back(name, *value);
    return id;
}

std::optional<bool> list_query::boolean(std::string_view name) {
    const std::string* value = c_.request.query_value(name);
    if (value == nullptr) {
        return std::nullopt;
    }
    if (*value != "true" && *value != "false") {
        refuse(name, "invalid_boolean", "must be true or false");
        return std::nullopt;
    }
    filters_.emplace_back(name, *value);
    return *value == "true";
}

std::string list_query::bound_to() const {
    kv::key_writer out;
    out.append_string(c_.request.log().route);
    // `me` means somebody else for another caller.
    out.append_i64(c_.who.user);
    for (const auto& [name, value] : filters_) {
        out.append_string(name);
        out.append_string(value);
    }
    return out.take();
}

std::string list_query::make_cursor(const storage::position& position) const {
    const std::string place = static_cast<char>(position.direction) + position.key;
    const std::string code = c_.api.database().keys().authenticate(bound_to() + place);
    return storage::to_base64url(storage::as_octets(code + place));
}

std::optional<storage::position> list_query::parse_cursor(std::string_view text) const {
    const auto bytes = storage::parse_base64url(text);
    if (!bytes || bytes->size() <= code_bytes) {
        return std::nullopt;
    }
    const std::string place = bytes->substr(code_bytes);
    if (!c_.api.database().keys().is_authentic(bound_to() + place, bytes->substr(0, code_bytes))) {
        return std::nullopt;
    }
    return storage::position{static_cast<storage::direction>(place.front()), place.substr(1)};
}

result<storage::page_request> list_query::page_request() {
    storage::page_request request{.rows_read_max = c_.api.options().rows_read_max};
    if (const std::string* text = c_.request.query_value("page_size")) {
        const auto [end, ec] =
            std::from_chars(text->data(), text->data() + text->size(), page_size_);
        page_size_given_ = ec == std::errc{} && end == text->data() + text->size() &&
                           page_size_ >= 1 && page_size_ <= page_size_max;
        if (!page_size_given_) {
            refuse("page_size", "invalid_page_size", "must be a number from 1 to 100");
        }
    }
    request.size = page_size_;
    if (const std::string* text = c_.request.query_value("cursor"); text && faults_.empty()) {
        request.from = parse_cursor(*text);
        if (!request.from) {
            refuse("cursor", "invalid_cursor", "is not a cursor of this list with these filters");
        }
    }
    if (!faults_.empty()) {
        return std::unexpected{bad_query(faults_)};
    }
    return request;
}

std::string list_query::url_of(const storage::position& position) const {
    // Every value was checked: ids, `me`, true, false and base64url need no escaping.
    std::string url{c_.request.log().route};
    url += '?';
    for (const auto& [name, value] : filters_) {
        url.append(name).append("=").append(value).append("&");
    }
    if (page_size_given_) {
        url += "page_size=" + std::to_string(page_size_) + '&';
    }
    return url + "cursor=" + make_cursor(position);
}

}  // namespace pinhole::handlers
