#include "server/problem.hpp"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <cassert>
#include <nlohmann/json.hpp>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

bool is_plain(char c) {
    return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\';
}

/// Written by hand since refusing must be cheap; what is rare is left to the library. Details may
/// quote what the client sent: invalid UTF-8 is replaced rather than thrown at.
void append_json_string(std::string& out, std::string_view text) {
    if (std::ranges::all_of(text, is_plain) && is_utf8(text)) {
        out += '"';
        out += text;
        out += '"';
        return;
    }
    out += nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_member(std::string& out, std::string_view name, std::string_view value) {
    out += '"';
    out += name;
    out += "\":";
    append_json_string(out, value);
}

void append_errors(std::string& out, const std::vector<field_error>& errors) {
    out += '[';
    for (const auto& error : errors) {
        out += &error == &errors.front() ? "{" : ",{";
        append_member(out, "field", error.field);
        out += ',';
        append_member(out, "code", error.code);
        out += ',';
        append_member(out, "message", error.message);
        out += '}';
    }
    out += ']';
}

response make_problem(status code, const std::string& detail,
                      const std::vector<field_error>& errors, std::string_view name,
                      std::string_view value_json) {
    response answer;
    answer.code = code;
    answer.headers.reserve(4);
    answer.headers.push_back({"Content-Type", "application/problem+json"});
    answer.headers.push_back({"Cache-Control", "no-store"});
    if (code == status::unauthorized) {
        answer.headers.push_back({"WWW-Authenticate", "Bearer"});
    }
    if (code == status::service_unavailable) {
        answer.headers.push_back({"Retry-After", "1"});
    }
    const auto title = boost::beast::http::obsolete_reason(code);
    std::string text;
    text.reserve(128 + 2 * detail.size() + value_json.size());
    text += R"({"type":"about:blank",)";
    append_member(text, "title", {title.data(), title.size()});
    text += R"(,"status":)";
    text += std::to_string(static_cast<unsigned>(code));
    text += ',';
    append_member(text, "detail", detail);
    text += ',';
    append_member(text, "error", detail);
    text += R"(,"errors":)";
    append_errors(text, errors);
    if (!name.empty()) {
        text += ',';
        append_json_string(text, name);
        text += ':';
        text += value_json;
    }
    text += '}';
    answer.body = std::move(text);
    return answer;
}

}  // namespace

response problem(status code, std::string detail, std::vector<field_error> errors) {
    return make_problem(code, detail, errors, {}, {});
}

response problem_with(status code, std::string detail, std::string_view name,
                      std::string_view value_json, std::vector<field_error> errors) {
    assert(!name.empty());
    assert(!value_json.empty());
    return make_problem(code, detail, errors, name, value_json);
}

void set_retry_after(response& answer, std::chrono::milliseconds delay) {
    const auto seconds =
        std::max(std::chrono::ceil<std::chrono::seconds>(delay), std::chrono::seconds(1));
    answer.set("Retry-After", std::to_string(seconds.count()));
}

}  // namespace pinhole::http
