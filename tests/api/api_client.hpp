// A client of the API for tests: one connection, one account, JSON in and out.
//
// It knows the API's contract and nothing of the server's code. Failed expectations end the test
// case (BOOST_TEST_REQUIRE), so its checking functions belong to the test's own thread; `request`
// and the functions named after HTTP methods may be used from any thread, one client each.
// Blocking: every call, up to the HTTP client's deadline.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <source_location>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/http_client/http_client.hpp"

namespace pinhole::test {

using json = nlohmann::json;
using where = std::source_location;

inline constexpr std::string_view default_password = "correct horse";

/// `prefix` and a number that no other call in this process gets.
std::string unique_name(std::string_view prefix);

/// Another JPEG with every call.
std::string small_jpeg();

class api_client {
public:
    /// Nobody yet.
    explicit api_client(std::uint16_t port) : connection_(std::in_place, port) {}

    http_response request(std::string_view method, const std::string& target,
                          header_list headers = {}, std::string_view body = {});
    http_response get(const std::string& target, header_list headers = {}) {
        return request("GET", target, std::move(headers));
    }
    http_response put(const std::string& target) { return request("PUT", target); }
    http_response remove(const std::string& target, header_list headers = {}) {
        return request("DELETE", target, std::move(headers));
    }
    http_response post(const std::string& target) { return request("POST", target); }
    http_response post(const std::string& target, const json& body, header_list headers = {}) {
        return send_json("POST", target, body.dump(), std::move(headers));
    }
    http_response patch(const std::string& target, const json& body, header_list headers = {}) {
        return send_json("PATCH", target, body.dump(), std::move(headers));
    }
    http_response remove_with(const std::string& target, const json& body) {
        return send_json("DELETE", target, body.dump());
    }
    http_response send_json(std::string_view method, const std::string& target,
                            const std::string& text, header_list headers = {});
    http_response upload(const multipart_body& form, header_list headers = {});

    /// What a 200 says. Ends the test case on anything else.
    json get_json(const std::string& target, where from = where::current());

    /// Takes over the account and the token of a signup, login or restore.
    void adopt(const json& login);
    void become_nobody() { token_.clear(); }
    void set_token(std::string token) { token_ = std::move(token); }

    /// Drops the connection for one to another port: the server was started anew.
    void move_to(std::uint16_t port) { connection_.emplace(port); }

    const std::string& id() const { return id_; }
    const std::string& username() const { return username_; }
    const std::string& token() const { return token_; }
    http_client& connection() { return *connection_; }

private:
    std::optional<http_client> connection_;
    std::string id_;
    std::string username_;
    std::string token_;
};

/// The members of a problem's `errors`: field and code.
using faults = std::map<std::string, std::string>;

/// The JSON of an answer with this status; ends the test case on another, or another content type.
json parse(const http_response& answer, unsigned status = 200, where from = where::current());

/// Checks status, shape and, exactly, which fields the problem names. Returns the problem.
json check_problem(const http_response& answer, unsigned status, const faults& expected = {},
                   where from = where::current());

void check_status(const http_response& answer, unsigned status, where from = where::current());

/// Signs up a new account under a name that starts with `prefix`.
api_client sign_up(std::uint16_t port, std::string_view prefix = "user");

/// A form with this text and so many JPEGs, all different.
multipart_body post_form(std::string_view content, int files = 1);

/// Creates what the name says and returns its JSON.
json create_post(api_client& author, std::string_view content = "a post", int files = 1);
json create_comment(api_client& author, const json& post, std::string_view content = "a comment");
json create_like(api_client& user, const json& post);

std::string text(const json& value, const char* member);
std::string path_of_post(const json& post);
std::string path_of_comment(const json& comment);

/// All rows of a list, page by page in the order given.
std::vector<json> walk(api_client& client, std::string url);
std::vector<std::string> ids_of(const std::vector<json>& rows);

/// Runs `work(index)` on so many threads that start together; rethrows the first exception.
void run_parallel(unsigned threads, const std::function<void(unsigned)>& work);

/// Asks until the condition holds; false if it does not within the time.
template <class Condition>
bool eventually(const Condition& holds, std::chrono::seconds patience = std::chrono::seconds(30)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

}  // namespace pinhole::test
