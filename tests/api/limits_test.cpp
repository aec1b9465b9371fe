// What one client may cost: rate limits, full queues, rows read.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

/// Sends until 429 comes, at most `most` times; how many were taken before.
template <class Send>
int taken_before_refusal(const Send& send, int most) {
    for (int taken = 0; taken < most; ++taken) {
        const http_response answer = send();
        if (answer.status == 429) {
            check_problem(answer, 429);
            BOOST_TEST(std::stoi(answer.header("Retry-After")) >= 1);
            return taken;
        }
    }
    return most;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(logins_signups_and_writes_are_limited) {
    api_server server{handlers::api_options{}};
    auto user = server.sign_up();
    auto nobody = server.connect();
    const int logins = taken_before_refusal([&] { return nobody.post("/api/v1/auth/login"); }, 100);
    BOOST_TEST(logins >= 20);
    BOOST_TEST(logins < 50);
    const int signups =
        taken_before_refusal([&] { return nobody.post("/api/v1/auth/signup"); }, 100);
    BOOST_TEST(signups >= 19);
    BOOST_TEST(signups < 50);
    const auto write = [&] { return user.patch("/api/v1/users/me", json::object({{"x", "y"}})); };
    const int writes = taken_before_refusal(write, 5000);
    BOOST_TEST(writes >= 200);
    BOOST_TEST(writes < 5000);
    // Reading, and ending a login, stay possible.
    check_status(user.get("/api/v1/users/me"), 200);
    check_status(user.post("/api/v1/auth/logout"), 204);
}

BOOST_AUTO_TEST_CASE(a_full_hash_queue_answers_503_and_loses_nothing) {
    auto options = without_rate_limits();
    options.hash_threads = 1;
    options.hash_queue_max = 1;
    api_server server(options);
    constexpr unsigned clients = 24;
    std::atomic<unsigned> created = 0;
    std::atomic<unsigned> overloaded = 0;
    std::atomic<unsigned> told_to_wait = 0;
    run_parallel(clients, [&](unsigned) {
        auto client = server.connect();
        const auto answer = client.post("/api/v1/auth/signup", {{"username", unique_name("many")},
                                                                {"password", default_password}});
        created += answer.status == 201 ? 1 : 0;
        overloaded += answer.status == 503 ? 1 : 0;
        told_to_wait += answer.has_header("Retry-After") ? 1 : 0;
    });
    BOOST_TEST(created + overloaded == clients);
    BOOST_TEST(created >= 1U);
    BOOST_TEST(overloaded >= 1U);
    BOOST_TEST(told_to_wait == overloaded);
    auto viewer = server.sign_up();
    BOOST_TEST(walk(viewer, "/api/v1/users").size() == created + 1U);
}

BOOST_AUTO_TEST_CASE(a_list_that_would_read_too_much_ends_early_and_goes_on) {
    auto options = without_rate_limits();
    options.rows_read_max = 10;
    api_server server(options);
    auto user = server.sign_up();
    const json kept = create_post(user);
    create_comment(user, kept);
    const json deleted = create_post(user);
    for (int i = 0; i < 40; ++i) {
        create_comment(user, deleted);
    }
    check_status(user.remove("/api/v1/posts/" + text(deleted, "id")), 204);
    const json first = user.get_json("/api/v1/comments?page_size=2");
    BOOST_TEST(first.at("results").empty());
    BOOST_TEST(!first.at("next").is_null());
    BOOST_TEST(walk(user, "/api/v1/comments?page_size=2").size() == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
