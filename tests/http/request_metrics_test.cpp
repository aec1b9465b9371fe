// What a server counts of its own work. An answer is counted once it has been sent, so the client
// may be faster than the count: tests wait for it, and then look that nothing else was counted.
#include "server/request_metrics.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

using std::chrono::milliseconds;

template <class Condition>
bool soon(const Condition& holds) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!holds()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::yield();
    }
    return true;
}

std::uint64_t count_of(const server_statistics& statistics, std::string_view route,
                       std::string_view method, unsigned status) {
    for (const auto& each : statistics.routes) {
        if (each.route == route && each.method == method) {
            const auto found = std::ranges::find(each.statuses, status,
                                                 &std::pair<unsigned, std::uint64_t>::first);
            return found == each.statuses.end() ? 0 : found->second;
        }
    }
    return 0;
}

std::uint64_t answers_of(const route_statistics& route) {
    return std::accumulate(route.statuses.begin(), route.statuses.end(), std::uint64_t{0},
                           [](auto sum, const auto& each) { return sum + each.second; });
}

std::uint64_t answers_of(const server_statistics& statistics) {
    std::uint64_t sum = 0;
    for (const auto& route : statistics.routes) {
        sum += answers_of(route);
    }
    return sum;
}

std::uint64_t refusals_of(const server_statistics& statistics) {
    return std::accumulate(statistics.refused.begin(), statistics.refused.end(), std::uint64_t{0});
}

/// Exactly this refusal is counted, once.
bool was_refused(test_server& server, refused reason) {
    const auto& counting = server.server();
    const bool came = soon([&] { return refusals_of(counting.statistics()) > 0; });
    const auto statistics = counting.statistics();
    return came && refusals_of(statistics) == 1 &&
           statistics.refused[static_cast<std::size_t>(reason)] == 1;
}

BOOST_AUTO_TEST_SUITE(metrics_of_requests)

BOOST_AUTO_TEST_CASE(requests_are_told_apart_by_pattern_method_and_status) {
    test_server server;
    auto client = server.connect();
    for (int i = 0; i < 5; ++i) {
        client.request("GET", "/things/" + std::to_string(i));
    }
    client.request("PUT", "/things/1");
    client.request("GET", "/things/mine");
    client.request("DELETE", "/things/1");  // 405
    client.request("OPTIONS", "/things/1");
    client.request("TRACE", "/hello");
    client.request("GET", "/nothing/here");
    client.request("GET", "/nothing/there");
    client.request("GET", "/throw");
    client.send("HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n");
    client.receive(true);
    const auto& counting = server.server();
    BOOST_TEST(soon([&] { return answers_of(counting.statistics()) == 14; }));
    const auto statistics = counting.statistics();
    BOOST_TEST(count_of(statistics, "/things/{id}", "GET", 200) == 5U);
    BOOST_TEST(count_of(statistics, "/things/{id}", "PUT", 200) == 1U);
    BOOST_TEST(count_of(statistics, "/things/mine", "GET", 200) == 1U);
    BOOST_TEST(count_of(statistics, "/things/{id}", "DELETE", 405) == 1U);
    BOOST_TEST(count_of(statistics, "/things/{id}", "OPTIONS", 204) == 1U);
    BOOST_TEST(count_of(statistics, "/hello", "OTHER", 405) == 1U);
    BOOST_TEST(count_of(statistics, "unmatched", "GET", 404) == 2U);
    BOOST_TEST(count_of(statistics, "/throw", "GET", 500) == 1U);
    BOOST_TEST(count_of(statistics, "/hello", "HEAD", 200) == 1U);
    BOOST_TEST(refusals_of(statistics) == 0U);
    for (const auto& route : statistics.routes) {
        const auto measured =
            std::accumulate(route.latencies.begin(), route.latencies.end(), std::uint64_t{0});
        BOOST_TEST(measured == answers_of(route));
    }
}

BOOST_AUTO_TEST_CASE(what_took_long_is_in_a_high_bucket) {
    server_options options;
    options.handler_timeout = milliseconds(100);
    test_server server(options);
    auto client = server.connect();
    client.send(get("/gate"));
    BOOST_TEST(client.receive().status == 503U);  // given up after 100 ms
    BOOST_TEST(was_refused(server, refused::handler_timeout));
    // An answer is counted once it has been sent, which its client may know before.
    BOOST_TEST(soon([&] { return answers_of(server.server().statistics()) == 1; }));
    const auto statistics = server.server().statistics();
    BOOST_TEST(count_of(statistics, "/gate", "GET", 503) == 1U);
    BOOST_TEST_REQUIRE(statistics.routes.size() == 1U);
    const auto& route = statistics.routes.front();
    BOOST_TEST(route.latency_sum_us >= 100'000U);
    const auto below = std::ranges::find(latency_bounds_us, 50'000U) - latency_bounds_us.begin();
    BOOST_TEST(std::accumulate(route.latencies.begin(), route.latencies.begin() + below + 1,
                               std::uint64_t{0}) == 0U);
    // Its client is gone; the handler is not.
    BOOST_TEST(statistics.requests_in_flight == 1U);
    server.open_gate();
    BOOST_TEST(soon([&] { return server.server().statistics().requests_in_flight == 0; }));
    BOOST_TEST(answers_of(server.server().statistics()) == 1U);
}

BOOST_AUTO_TEST_CASE(requests_in_flight_and_connections_come_and_go) {
    test_server server;
    const auto& counting = server.server();
    {
        auto client = server.connect();
        auto arrived = server.arrived();
        client.send(get("/gate"));
        arrived.wait();
        const auto statistics = counting.statistics();
        BOOST_TEST(statistics.requests_in_flight == 1U);
        BOOST_TEST(statistics.connections_open == 1U);
        BOOST_TEST(statistics.connections_admitted == 1U);
        BOOST_TEST(statistics.connections_max > 0U);
        server.open_gate();
        client.receive();
    }
    BOOST_TEST(soon([&] { return counting.statistics().connections_open == 0; }));
    BOOST_TEST(counting.statistics().requests_in_flight == 0U);
    BOOST_TEST(counting.statistics().connections_admitted == 1U);
}

BOOST_AUTO_TEST_CASE(every_byte_of_a_conversation_is_counted) {
    test_server server;
    const std::string requests =
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
        "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    auto client = server.connect();
    client.send(requests);
    const auto answers = client.receive_until_closed();
    BOOST_TEST(answers.size() > large_file_bytes().size());
    BOOST_TEST(soon([&] { return answers_of(server.server().statistics()) == 3; }));
    const auto statistics = server.server().statistics();
    BOOST_TEST(statistics.received_bytes == requests.size());
    BOOST_TEST(statistics.sent_bytes == answers.size());
}

BOOST_AUTO_TEST_CASE(refusals_have_their_reasons) {
    struct refusal_case {
        std::string request;
        refused reason;
        unsigned status;
    };
    const std::string front = "GET /hello HTTP/1.1\r\nHost: a\r\n";
    const std::vector<refusal_case> cases{
        {"GET /hello HTTP/1.1\r\n\r\n", refused::malformed, 400},
        {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", refused::malformed, 400},
        {front + "X: " + std::string(20'000, 'x') + "\r\n\r\n", refused::header_too_large, 431},
        {"GET /" + std::string(9'000, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n",
         refused::header_too_large, 414},
        {"GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", refused::unsupported, 505},
        {front + "Expect: the-unexpected\r\n\r\n", refused::unsupported, 417},
        {front, refused::header_timeout, 408},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'x'),
         refused::body_too_large, 413},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nno length\r\n",
         refused::body_malformed, 400},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf", refused::body_timeout,
         408},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(to_string(each.reason) << ": " << each.request.substr(0, 60)) {
            server_options options;
            options.header_timeout = milliseconds(1000);
            options.transfer_grace = milliseconds(300);
            test_server server(options);
            auto client = server.connect();
            client.send_until_closed(each.request);
            BOOST_TEST(client.receive().status == each.status);
            BOOST_TEST(was_refused(server, each.reason));
            BOOST_TEST(soon([&] { return answers_of(server.server().statistics()) == 1; }));
        }
    }
}

BOOST_AUTO_TEST_CASE(clients_that_leave_or_do_not_read_are_counted) {
    test_server left;
    {
        auto client = left.connect();
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf");
    }
    BOOST_TEST(was_refused(left, refused::body_disconnected));
    BOOST_TEST(
        soon([&] { return count_of(left.server().statistics(), "/echo", "POST", 499) == 1; }));

    server_options options;
    options.transfer_grace = milliseconds(200);
    test_server unread(options);
    auto client = unread.connect();
    client.limit_receive_buffer(4096);
    client.send(get("/big"));
    BOOST_TEST(was_refused(unread, refused::answer_timeout));
}

BOOST_AUTO_TEST_CASE(connections_without_room_are_counted) {
    server_options options;
    options.connections_max = 1;
    options.io_threads = 2;
    options.idle_before_giving_way = std::chrono::hours(1);
    test_server patient(options);
    auto first = patient.connect();
    first.request("GET", "/hello");
    auto second = patient.connect();
    BOOST_TEST(second.receive().status == 503U);
    BOOST_TEST(soon([&] { return patient.server().statistics().turned_away_full == 1; }));
    BOOST_TEST(patient.server().statistics().connections_closed_for_room == 0U);
    BOOST_TEST(patient.server().statistics().connections_admitted == 1U);

    options.idle_before_giving_way = milliseconds(0);
    test_server busy(options);
    auto idle = busy.connect();
    idle.request("GET", "/hello");
    auto newcomer = busy.connect();
    BOOST_TEST(newcomer.request("GET", "/hello").status == 200U);
    const auto statistics = busy.server().statistics();
    BOOST_TEST(statistics.connections_closed_for_room == 1U);
    BOOST_TEST(statistics.turned_away_full == 0U);
    BOOST_TEST(statistics.connections_admitted == 2U);
    BOOST_TEST(statistics.connections_max == 1U);
}

BOOST_AUTO_TEST_CASE(no_request_of_many_threads_is_missed) {
    constexpr int clients = 8;
    constexpr int requests = 200;
    server_options options;
    options.io_threads = 4;
    test_server server(options);
    std::atomic<bool> done = false;
    std::thread reader([&] {
        std::uint64_t before = 0;
        while (!done) {
            const auto now = answers_of(server.server().statistics());
            BOOST_CHECK_GE(now, before);
            before = now;
        }
    });
    std::vector<std::thread> threads;
    for (int i = 0; i < clients; ++i) {
        threads.emplace_back([&] {
            auto client = server.connect();
            for (int n = 0; n < requests; ++n) {
                client.request("GET", "/hello");
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    done = true;
    reader.join();
    BOOST_TEST(soon([&] {
        return count_of(server.server().statistics(), "/hello", "GET", 200) == clients * requests;
    }));
}

BOOST_AUTO_TEST_CASE(a_pool_tells_its_depth) {
    blocking_pool pool("narrow", 1, 2);
    std::promise<void> gate;
    std::promise<void> entered;
    auto open = gate.get_future();
    BOOST_TEST(pool.try_submit([&] {
        entered.set_value();
        open.wait();
    }));
    entered.get_future().wait();
    BOOST_TEST(pool.try_submit([] {}));
    BOOST_TEST(pool.try_submit([] {}));
    BOOST_TEST(!pool.try_submit([] {}));
    auto statistics = pool.statistics();
    BOOST_TEST(statistics.name == "narrow");
    BOOST_TEST(statistics.threads == 1U);
    BOOST_TEST(statistics.busy == 1U);
    BOOST_TEST(statistics.queued == 2U);
    BOOST_TEST(statistics.queue_max == 2U);
    BOOST_TEST(statistics.done == 0U);
    BOOST_TEST(statistics.refused == 1U);
    gate.set_value();
    pool.close();
    statistics = pool.statistics();
    BOOST_TEST(statistics.busy == 0U);
    BOOST_TEST(statistics.queued == 0U);
    BOOST_TEST(statistics.done == 3U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
