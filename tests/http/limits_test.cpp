// Every limit at its edge: one below and the limit itself pass, one beyond is refused.
#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "server/admission.hpp"
#include "tests/http/log_pipe.hpp"
#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

std::size_t resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    std::size_t all = 0;
    std::size_t resident = 0;
    statm >> all >> resident;
    return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// A header of exactly so many bytes, padded by several fields.
std::string header_of(std::size_t bytes) {
    std::string message = "GET /hello HTTP/1.1\r\nHost: a\r\n";
    while (bytes - message.size() > 1200) {
        message += "X: " + std::string(1000, 'x') + "\r\n";
    }
    message += "Y: ";
    message += std::string(bytes - message.size() - 4, 'y') + "\r\n\r\n";
    return message;
}

BOOST_AUTO_TEST_SUITE(limits)

BOOST_AUTO_TEST_CASE(header_bytes) {
    test_server server;
    constexpr std::size_t limit = 16 * 1024;
    for (const auto& [bytes, status] :
         {std::pair(limit - 1, 200U), std::pair(limit, 200U), std::pair(limit + 1, 431U)}) {
        auto client = server.connect();
        const auto message = header_of(bytes);
        BOOST_REQUIRE(message.size() == bytes);
        client.send(message);
        BOOST_TEST(client.receive().status == status, bytes);
    }
}

BOOST_AUTO_TEST_CASE(target_bytes) {
    test_server server;
    constexpr std::size_t limit = 8 * 1024;
    for (const auto& [bytes, status] :
         {std::pair(limit - 1, 200U), std::pair(limit, 200U), std::pair(limit + 1, 414U)}) {
        auto client = server.connect();
        client.send(get("/things/" + std::string(bytes - 8, 'a')));
        BOOST_TEST(client.receive().status == status, bytes);
    }
    auto client = server.connect();
    client.send("GET /" + std::string(12 * 1024, 'a'));  // refused before the line has ended
    BOOST_TEST(client.receive().status == 414U);
}

BOOST_AUTO_TEST_CASE(header_fields) {
    test_server server;
    for (const auto& [fields, status] :
         {std::pair(99, 200U), std::pair(100, 200U), std::pair(101, 431U)}) {
        std::string message = "GET /hello HTTP/1.1\r\nHost: a\r\n";
        for (int i = 1; i < fields; ++i) {
            message += "a: b\r\n";
        }
        auto client = server.connect();
        client.send(message + "\r\n");
        BOOST_TEST(client.receive().status == status, fields);
    }
}

BOOST_AUTO_TEST_CASE(body_bytes_with_length) {
    test_server server;
    for (const auto& [bytes, status] :
         {std::pair(999U, 200U), std::pair(1000U, 200U), std::pair(1001U, 413U)}) {
        auto client = server.connect();
        const auto answer = client.request("POST", "/echo", {}, std::string(bytes, 'b'));
        BOOST_TEST(answer.status == status, bytes);
        BOOST_TEST((answer.header("Connection") == "close") == (status == 413U));
    }
}

BOOST_AUTO_TEST_CASE(body_bytes_chunked) {
    test_server server;
    for (const auto& [bytes, status] :
         {std::pair(999U, 200U), std::pair(1000U, 200U), std::pair(1001U, 413U)}) {
        auto client = server.connect();
        std::string message =
            "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        for (unsigned i = 0; i < bytes; ++i) {
            message += "1\r\nb\r\n";
        }
        client.send_until_closed(message + "0\r\n\r\n");
        BOOST_TEST(client.receive().status == status, bytes);
    }
}

/// Content-Length alone decides: not a byte of the body is asked for.
BOOST_AUTO_TEST_CASE(too_long_a_body_is_refused_before_it_is_sent) {
    test_server server;
    auto client = server.connect();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n"
        "Expect: 100-continue\r\n\r\n");
    const auto answer = client.receive();
    BOOST_TEST(answer.status == 413U);
    client.shutdown_send();
    BOOST_TEST(client.receive_until_closed() == "");
}

/// 30 MB of `a:` lines cost a bare Beast server 576 MiB: its limit does not count empty values.
BOOST_AUTO_TEST_CASE(header_flood_of_empty_values_keeps_memory_flat) {
    test_server server;
    std::string flood;
    while (flood.size() < 30'000'000) {
        flood += "a:\r\n";
    }
    const auto before = resident_bytes();
    auto client = server.connect();
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\n");
    client.send_until_closed(flood);
    BOOST_TEST(resident_bytes() < before + 8 * 1024 * 1024);
    BOOST_TEST(client.receive_until_closed(true).starts_with("HTTP/1.1 431 "));
}

BOOST_AUTO_TEST_CASE(trailer_flood_keeps_memory_flat) {
    test_server server;
    std::string flood;
    while (flood.size() < 30'000'000) {
        flood += "a:\r\n";
    }
    const auto before = resident_bytes();
    auto client = server.connect();
    client.send("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n");
    client.send_until_closed(flood);
    BOOST_TEST(resident_bytes() < before + 8 * 1024 * 1024);
    BOOST_TEST(client.receive_until_closed(true).starts_with("HTTP/1.1 400 "));
}

BOOST_AUTO_TEST_CASE(small_chunks_with_long_extensions_are_cut_off) {
    test_server server;
    std::string flood;
    while (flood.size() < 40'000'000) {
        flood += "1;" + std::string(1000, 'e') + "\r\nx\r\n";
    }
    auto client = server.connect();
    client.send("POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_until_closed(flood);
    BOOST_TEST(client.receive_until_closed(true).starts_with("HTTP/1.1 400 "));
}

/// A connection that has a request in flight: the server waits for its body.
test::http_client begin_request(const test_server& server) {
    auto client = server.connect();
    client.send(
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST(client.receive().status == 100U);
    return client;
}

BOOST_AUTO_TEST_CASE(connections_beyond_the_limit_are_answered_503) {
    server_options options;
    options.connections_max = 2;
    test_server server(options);
    auto first = begin_request(server);
    auto second = begin_request(server);
    auto third = server.connect();
    const auto answer = third.receive();
    BOOST_TEST(answer.status == 503U);
    BOOST_TEST(!answer.header("Retry-After").empty());
    BOOST_TEST(answer.header("Content-Type") == "application/problem+json");
    BOOST_TEST(answer.header("Connection") == "close");
    BOOST_TEST(answer.header("X-Request-Id").size() == 16U);
    BOOST_TEST(nlohmann::json::parse(answer.body).at("status").get<int>() == 503);
    first.send("abc");
    BOOST_TEST(first.receive().body == "3");
}

/// Otherwise whoever opens enough connections and leaves them open keeps everybody else out.
BOOST_AUTO_TEST_CASE(idle_connections_kept_newcomers_out) {
    server_options options;
    options.connections_max = 3;
    options.idle_before_giving_way = std::chrono::milliseconds(0);
    options.io_threads = 1;
    test_server server(options);
    auto busy = begin_request(server);
    auto longest = server.connect();
    BOOST_TEST(longest.request("GET", "/hello").status == 200U);
    auto other = server.connect();
    BOOST_TEST(other.request("GET", "/hello").status == 200U);
    BOOST_TEST(longest.request("GET", "/hello").status == 200U);  // now `other` idles longest
    auto newcomer = server.connect();
    BOOST_TEST(newcomer.request("GET", "/hello").status == 200U);
    BOOST_TEST(other.receive_until_closed() == "");
    BOOST_TEST(server.server().connections() == 3U);
    auto silent = server.connect();  // takes the place of `longest`, and says nothing
    BOOST_TEST(longest.receive_until_closed() == "");
    BOOST_TEST(newcomer.request("GET", "/hello").status == 200U);
    auto last = server.connect();
    BOOST_TEST(last.request("GET", "/hello").status == 200U);
    BOOST_TEST(silent.receive_until_closed() == "");
    busy.send("abc");
    BOOST_TEST(busy.receive().body == "3");
    BOOST_TEST(newcomer.request("GET", "/hello").status == 200U);
}

/// Under overload everybody lost his connection to somebody else, in the middle of his requests.
BOOST_AUTO_TEST_CASE(connections_that_idle_for_a_moment_gave_way) {
    server_options options;
    options.connections_max = 2;
    options.idle_before_giving_way = std::chrono::minutes(10);
    test_server server(options);
    auto first = server.connect();
    auto second = server.connect();
    for (int i = 0; i < 20; ++i) {
        BOOST_TEST(first.request("GET", "/hello").status == 200U);
        BOOST_TEST(second.request("GET", "/hello").status == 200U);
        BOOST_TEST(server.connect().receive().status == 503U);
    }
}

/// Only the thread that a newcomer fell to looked for one that idles.
BOOST_AUTO_TEST_CASE(idle_connections_of_other_threads_kept_newcomers_out) {
    server_options options;
    options.connections_max = 2;
    options.idle_before_giving_way = std::chrono::milliseconds(0);
    options.io_threads = 4;
    test_server server(options);
    auto busy = begin_request(server);
    std::vector<test::http_client> newcomers;
    newcomers.reserve(12);
    for (int i = 0; i < 12; ++i) {
        newcomers.push_back(server.connect());
        BOOST_TEST_REQUIRE(newcomers.back().request("GET", "/hello").status == 200U);
        if (i > 0) {
            BOOST_TEST(newcomers[newcomers.size() - 2].receive_until_closed() == "");
        }
    }
    busy.send("abc");
    BOOST_TEST(busy.receive().body == "3");
}

BOOST_AUTO_TEST_CASE(idle_connections_of_others_do_not_make_room_for_a_greedy_client) {
    admission gate(2, 1);
    const auto greedy = boost::asio::ip::make_address("192.0.2.1");
    const auto first = gate.try_enter(greedy);
    const auto other = gate.try_enter(boost::asio::ip::make_address("192.0.2.2"));
    BOOST_TEST((first && other));
    BOOST_TEST((gate.try_enter(greedy).error() == rejection::address_full));
}

BOOST_AUTO_TEST_CASE(connections_turned_away_are_logged_at_a_bounded_rate) {
    server_options options;
    options.connections_max = 1;
    log_pipe pipe;
    const auto started = std::chrono::steady_clock::now();
    {
        test_server server(options, {}, pipe.writer.get());
        const auto busy = begin_request(server);
        for (int i = 0; i < 100; ++i) {
            BOOST_TEST(server.connect().receive().status == 503U);
        }
    }
    const auto seconds =
        std::chrono::ceil<std::chrono::seconds>(std::chrono::steady_clock::now() - started);
    const auto lines = pipe.lines();
    const auto logged =
        std::ranges::count_if(lines, [](const auto& line) { return line.contains("turned_away"); });
    BOOST_TEST(logged >= 1);
    BOOST_TEST(logged <= seconds.count());
}

/// What is left for connections once the database has its files.
BOOST_AUTO_TEST_CASE(open_files_bound_the_connections) {
    BOOST_TEST(affordable_connections(20'000, 1'048'576).value() == 20'000U);
    BOOST_TEST(affordable_connections(20'000, UINT64_MAX).value() == 20'000U);
    BOOST_TEST(affordable_connections(20'000, 4096).value() == 1792U);
    BOOST_TEST(affordable_connections(100, 4096).value() == 100U);
    BOOST_TEST(affordable_connections(20'000, 544).value() == 16U);
    BOOST_TEST(!affordable_connections(20'000, 543).has_value());
    BOOST_TEST(!affordable_connections(20'000, 256).has_value());
    BOOST_TEST(affordable_connections(2, 516).value() == 2U);
    BOOST_TEST(affordable_connections(20'000, 256).error().find("544") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
