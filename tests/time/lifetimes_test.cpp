// What lives for a time by the server's clock, and what becomes of it when the clock is moved:
// logins, idempotency keys, and the time in which what was deleted can be restored.
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/api/entity_checks.hpp"
#include "tests/time/moved_clock.hpp"

namespace pinhole::test {

namespace {

/// As configured by default.
constexpr seconds token_life = days(30);
constexpr seconds retention = days(30);
constexpr seconds key_life = hours(24);
constexpr seconds year = days(365);

api_client log_in(clocked_server& server, const api_client& user) {
    api_client client(server.port());
    client.adopt(parse(client.post(
        "/api/v1/auth/login", {{"username", user.username()}, {"password", default_password}})));
    return client;
}

bool is_logged_in(api_client& client) {
    const auto answer = client.get("/api/v1/users/me");
    BOOST_TEST((answer.status == 200U || answer.status == 401U), answer.body);
    return answer.status == 200;
}

/// The session that this client goes by.
json current_session(api_client& client) {
    for (const json& session : client.get_json("/api/v1/auth/sessions").at("results")) {
        if (session.at("is_current").get<bool>()) {
            return session;
        }
    }
    throw std::runtime_error("no session is the current one");
}

std::string comment_with_key(api_client& user, const json& post, const std::string& key) {
    const auto answer = user.post(path_of_post(post) + "/comments", {{"content", "once"}},
                                  {{"Idempotency-Key", key}});
    return text(parse(answer, 201), "id");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(lifetimes, *boost::unit_test::precondition(can_move_clock))

BOOST_AUTO_TEST_CASE(a_login_lives_as_long_as_it_is_used) {
    clocked_server server;
    auto used = sign_up(server.port());
    auto unused = log_in(server, used);
    for (int uses = 1; uses <= 3; ++uses) {
        server.set_clock(uses * (token_life - hours(1)));
        BOOST_TEST(is_logged_in(used));
        // Nobody waits for the expiry to move.
        BOOST_TEST(eventually([&] {
            const json session = current_session(used);
            return server.now() - parse_time(text(session, "last_used_at")) < minutes(6) &&
                   parse_time(text(session, "expires_at")) - server.now() > token_life - minutes(6);
        }));
    }
    BOOST_TEST(!is_logged_in(unused));
    server.set_clock(3 * (token_life - hours(1)) + token_life + minutes(6));
    BOOST_TEST(!is_logged_in(used));
    server.restart(SIGTERM);
    used.move_to(server.port());
    BOOST_TEST(!is_logged_in(used));
    server.stop();
}

BOOST_AUTO_TEST_CASE(a_login_bears_a_clock_that_is_set_back) {
    clocked_server server;
    auto user = sign_up(server.port());
    for (const seconds move : {seconds(minutes(-30)), seconds(days(-20)), seconds(0)}) {
        server.set_clock(move);
        BOOST_TEST(is_logged_in(user));
        check_post(create_post(user));
    }
    server.stop();
}

/// Used or not, it lives no longer than any other once the clock is right.
BOOST_AUTO_TEST_CASE(a_login_from_a_clock_that_was_ahead_lived_for_years) {
    clocked_server server;
    auto user = sign_up(server.port());
    server.set_clock(3 * year);
    auto used = log_in(server, user);
    auto unused = log_in(server, user);
    server.set_clock(seconds(0));
    BOOST_TEST(is_logged_in(used));
    BOOST_TEST(eventually([&] {
        const json session = current_session(used);
        return parse_time(text(session, "last_used_at")) <= server.now() &&
               parse_time(text(session, "expires_at")) <= server.now() + token_life;
    }));
    // The one that nobody uses is found by the round at the start, or every ten minutes.
    server.restart(SIGKILL);
    used.move_to(server.port());
    BOOST_TEST(eventually([&] {
        for (const json& session : used.get_json("/api/v1/auth/sessions").at("results")) {
            if (parse_time(text(session, "expires_at")) > server.now() + token_life ||
                parse_time(text(session, "last_used_at")) > server.now()) {
                return false;
            }
        }
        return true;
    }));
    server.set_clock(token_life + minutes(6));
    unused.move_to(server.port());
    BOOST_TEST(!is_logged_in(unused));
    server.stop();
}

BOOST_AUTO_TEST_CASE(an_idempotency_key_lives_for_a_day) {
    clocked_server server;
    auto user = sign_up(server.port());
    const json post = create_post(user);
    const std::string first = comment_with_key(user, post, "a day");
    for (const seconds move : {key_life - minutes(5), seconds(hours(-1)), seconds(days(-20))}) {
        server.set_clock(move);
        BOOST_TEST(comment_with_key(user, post, "a day") == first);
    }
    server.restart(SIGKILL);
    user.move_to(server.port());
    BOOST_TEST(comment_with_key(user, post, "a day") == first);
    server.set_clock(key_life + minutes(5));
    BOOST_TEST(comment_with_key(user, post, "a day") != first);
    server.stop();
}

/// The request may still be repeated when the clock is mended, so that it must not be forgotten;
/// but neither must it be kept for as long as the clock was ahead.
BOOST_AUTO_TEST_CASE(an_idempotency_key_from_a_clock_that_was_ahead_lived_for_years) {
    clocked_server server({"--token-life", "3650d"});
    auto user = sign_up(server.port());
    const json post = create_post(user);
    server.set_clock(3 * year);
    const std::string first = comment_with_key(user, post, "ahead");
    server.set_clock(seconds(0));
    BOOST_TEST(comment_with_key(user, post, "ahead") == first);
    server.restart(SIGKILL);
    user.move_to(server.port());
    BOOST_TEST(comment_with_key(user, post, "ahead") == first);
    // The round at the start shortens it: not before the server serves, but soon. It may just meet
    // the clock that is moved here, and the key then lives as long from there: so each look goes
    // further, but never as far as the three years.
    constexpr int looks_max = 900;
    int looks = 0;
    std::string second;
    BOOST_TEST(eventually([&] {
        looks = looks % looks_max + 1;
        server.set_clock(looks * (key_life + minutes(5)));
        second = comment_with_key(user, post, "ahead");
        server.set_clock(seconds(0));
        return second != first;
    }));
    BOOST_TEST(comment_with_key(user, post, "ahead") == second);
    BOOST_TEST(find_wrong_count(user) == "");
    server.stop();
}

BOOST_AUTO_TEST_CASE(what_was_deleted_can_be_restored_for_its_time_by_the_clock) {
    clocked_server server({"--token-life", "3650d"});
    auto user = sign_up(server.port());
    const json post = create_post(user);
    const auto restore = [&] { return user.post(path_of_post(post) + "/restore"); };
    const std::string deleted = "/api/v1/posts?author=me&is_deleted=true";

    check_status(user.remove(path_of_post(post)), 204);
    server.set_clock(retention - minutes(5));
    BOOST_TEST(walk(user, deleted).size() == 1U);
    check_status(restore(), 200);

    check_status(user.remove(path_of_post(post)), 204);
    for (const seconds move : {seconds(0), -year}) {
        server.set_clock(move);
        BOOST_TEST(walk(user, deleted).size() == 1U);
    }
    server.set_clock(2 * retention);
    BOOST_TEST(walk(user, deleted).empty());
    check_status(restore(), 404);
    // Nothing is gone for good by a clock that was wrong.
    server.set_clock(retention);
    check_status(restore(), 200);
    server.stop();
}

BOOST_AUTO_TEST_CASE(what_was_deleted_while_the_clock_was_behind_could_not_be_restored) {
    clocked_server server;
    auto user = sign_up(server.port());
    auto leaver = sign_up(server.port());
    const json post = create_post(user);
    server.set_clock(-year);
    check_status(user.remove(path_of_post(post)), 204);
    check_status(leaver.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    server.set_clock(seconds(0));
    auto again = log_in(server, user);
    check_status(again.post(path_of_post(post) + "/restore"), 200);
    const json body{{"username", leaver.username()}, {"password", default_password}};
    check_status(leaver.post("/api/v1/auth/restore", body), 200);
    server.stop();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
