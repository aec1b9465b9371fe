#include "server/problem.hpp"

#include <algorithm>
#include <boost/beast/http/status.hpp>
#include <cassert>
#include <nlohmann/json.hpp>

namespace pinhole::http {
namespace {

/// Details may quote what the client sent: invalid UTF-8 is replaced rather than thrown at.
std::string to_text(const nlohmann::ordered_json& value) {
    return value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

response make_problem(status code, const std::string& detail,
                      const std::vector<field_error>& errors, std::string_view name,
                      std::string_view value_json) {
    const auto title = boost::beast::http::obsolete_reason(code);
    nlohmann::ordered_json errors_json = nlohmann::ordered_json::array();
    for (const auto& error : errors) {
        errors_json.push_back(
            {{"field", error.field}, {"code", error.code}, {"message", error.message}});
    }
    nlohmann::ordered_json body;
    body["type"] = "about:blank";
    body["title"] = std::string(title.data(), title.size());
    body["status"] = static_cast<unsigned>(code);
    body["detail"] = detail;
    body["error"] = detail;
    body["errors"] = std::move(errors_json);

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
    std::string text = to_text(body);
    if (!name.empty()) {
        text.pop_back();
        text += ',';
        text += to_text(std::string(name));
        text += ':';
        text += value_json;
        text += '}';
    }
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
