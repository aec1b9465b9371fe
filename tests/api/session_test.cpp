// Logins: listed, ended, expired.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

constexpr const char* sessions = "/api/v1/auth/sessions";

api_client log_in(const api_server& server, const api_client& account,
                  const header_list& headers = {}) {
    auto client = server.connect();
    client.adopt(parse(
        client.post("/api/v1/auth/login",
                    {{"username", account.username()}, {"password", default_password}}, headers)));
    return client;
}

std::string current_id(api_client& client) {
    for (const json& session : walk(client, sessions)) {
        if (session.at("is_current") == true) {
            return text(session, "id");
        }
    }
    return "none";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(session_list)

BOOST_AUTO_TEST_CASE(logins_are_listed_with_their_device) {
    auto& server = shared_server();
    auto first = server.sign_up();
    auto second = log_in(server, first, {{"User-Agent", "Phone/1.0 (é; \"x\")"}});
    const json page = first.get_json(sessions);
    check_page(page);
    const json& rows = page.at("results");
    BOOST_TEST_REQUIRE(rows.size() == 2U);
    for (const json& session : rows) {
        check_session(session);
        BOOST_TEST(text(session, "expires_at") > text(session, "created_at"));
    }
    BOOST_TEST(text(rows.at(0), "user_agent") == "Phone/1.0 (é; \"x\")");
    BOOST_TEST(rows.at(0).at("is_current") == false);
    BOOST_TEST(rows.at(1).at("is_current") == true);
    BOOST_TEST(current_id(second) == text(rows.at(0), "id"));
    BOOST_TEST(!first.get(sessions).body.contains(first.token()));
}

BOOST_AUTO_TEST_CASE(a_device_name_of_invalid_bytes_still_gives_valid_json) {
    auto& server = shared_server();
    auto user = server.sign_up();
    auto odd = log_in(server, user, {{"User-Agent", "bad \xFF\xFE bytes"}});
    auto longest = log_in(server, user, {{"User-Agent", std::string(4000, 'u')}});
    for (const json& session : walk(user, sessions)) {
        BOOST_TEST(text(session, "user_agent").size() <= 512U);
    }
}

BOOST_AUTO_TEST_CASE(ending_one_login_leaves_the_others) {
    auto& server = shared_server();
    auto first = server.sign_up();
    auto second = log_in(server, first);
    const std::string target = std::string(sessions) + "/" + current_id(second);
    auto stranger = server.sign_up();
    check_problem(stranger.remove(target), 404);
    check_status(second.get("/api/v1/users/me"), 200);
    check_status(first.remove(target), 204);
    check_problem(second.get("/api/v1/users/me"), 401);
    check_problem(first.remove(target), 404);
    BOOST_TEST(walk(first, sessions).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_token_is_dead_at_the_moment_of_its_logout) {
    auto& server = shared_server();
    auto first = server.sign_up();
    auto second = log_in(server, first);
    check_status(first.post("/api/v1/auth/logout"), 204);
    check_problem(first.get("/api/v1/users/me"), 401);
    check_problem(first.post("/api/v1/auth/logout"), 401);
    check_status(second.get("/api/v1/users/me"), 200);
}

BOOST_AUTO_TEST_CASE(a_new_password_ends_the_other_logins) {
    auto& server = shared_server();
    auto first = server.sign_up();
    auto second = log_in(server, first);
    auto third = log_in(server, first);
    check_status(second.post("/api/v1/auth/password", {{"old_password", default_password},
                                                       {"new_password", "another password"}}),
                 204);
    check_problem(first.get("/api/v1/users/me"), 401);
    check_problem(third.get("/api/v1/users/me"), 401);
    BOOST_TEST(walk(second, sessions).size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_login_expires_unless_it_is_used) {
    auto options = without_rate_limits();
    options.token_life = std::chrono::seconds(3);
    api_server server(options);
    auto used = server.sign_up();
    const auto created = std::chrono::steady_clock::now();
    auto idle = log_in(server, used);
    const auto logins = [&] { return walk(used, sessions).size(); };
    BOOST_TEST(logins() == 2U);
    // Listing is a use: the one login slides on while the other runs out.
    BOOST_TEST(eventually([&] { return logins() == 1U; }));
    BOOST_TEST((std::chrono::steady_clock::now() - created > std::chrono::seconds(2)));
    check_problem(idle.get("/api/v1/users/me"), 401);
    check_status(used.get("/api/v1/users/me"), 200);
}

BOOST_AUTO_TEST_CASE(a_restart_ends_no_login) {
    api_server server;
    auto user = server.sign_up();
    const auto before = walk(user, sessions);
    server.restart();
    user.move_to(server.port());
    const auto after = walk(user, sessions);
    BOOST_TEST_REQUIRE(after.size() == 1U);
    BOOST_TEST(after.front().at("id") == before.front().at("id"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
