// Slow clients are timed out, fast ones are not. Each test waits for the server's own act.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

#include "tests/http/log_pipe.hpp"
#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

using std::chrono::milliseconds;

server_options short_timeouts() {
    server_options options;
    // A client of a busy machine takes its time from connecting to sending.
    options.header_timeout = milliseconds(800);
    options.idle_timeout = milliseconds(800);
    options.transfer_grace = milliseconds(200);
    options.linger_timeout = milliseconds(200);
    return options;
}

BOOST_AUTO_TEST_SUITE(deadlines)

BOOST_AUTO_TEST_CASE(half_a_header_is_408) {
    test_server server(short_timeouts());
    auto client = server.connect();
    client.send("GET /hello HTTP/1.1\r\nHost:");
    BOOST_TEST(client.receive().status == 408U);
    BOOST_TEST(client.receive_until_closed() == "");
}

/// One deadline for the whole header: a byte now and then does not extend it.
BOOST_AUTO_TEST_CASE(dripping_a_header_is_408) {
    auto options = short_timeouts();
    options.idle_timeout = std::chrono::seconds(60);
    test_server server(options);
    auto client = server.connect();
    client.request("GET", "/hello");
    const auto started = std::chrono::steady_clock::now();
    std::size_t sent = client.send_until_closed("GET /hello HTTP/1.1\r\nX: ");
    // One byte for each answer of another connection: dripping without sleeping.
    auto other = server.connect();
    while (std::chrono::steady_clock::now() - started < std::chrono::seconds(3)) {
        other.request("GET", "/hello");
        sent += client.send_until_closed("x");
        if (sent > 15'000) {
            break;
        }
    }
    BOOST_TEST(client.receive_until_closed(true).starts_with("HTTP/1.1 408 "));
}

BOOST_AUTO_TEST_CASE(an_idle_connection_is_closed_without_a_word) {
    test_server server(short_timeouts());
    auto silent = server.connect();
    BOOST_TEST(silent.receive_until_closed() == "");
    auto client = server.connect();
    client.request("GET", "/hello");
    BOOST_TEST(client.receive_until_closed() == "");
}

BOOST_AUTO_TEST_CASE(a_body_that_stands_still_is_408) {
    test_server server(short_timeouts());
    for (const auto* framing : {"Content-Length: 1000", "Transfer-Encoding: chunked"}) {
        auto client = server.connect();
        client.send("POST /count HTTP/1.1\r\nHost: a\r\n" + std::string(framing) + "\r\n\r\n10");
        const auto answer = client.receive();
        BOOST_TEST(answer.status == 408U);
        BOOST_TEST(answer.header("Connection") == "close");
    }
}

BOOST_AUTO_TEST_CASE(a_reader_that_stands_still_is_cut_off) {
    auto options = short_timeouts();
    options.idle_timeout = std::chrono::seconds(60);
    test_server server(options);
    auto client = server.connect();
    client.send(get("/big"));
    client.send(get("/hello"));
    auto other = server.connect();
    other.request("GET", "/hello");  // both are accepted now
    while (server.server().connections() > 1) {
        other.request("GET", "/hello");
    }
    BOOST_TEST(client.receive_until_closed(true).size() < 20'000'000U);
}

BOOST_AUTO_TEST_CASE(a_handler_without_end_does_not_keep_its_client) {
    auto options = short_timeouts();
    options.handler_timeout = milliseconds(100);
    test_server server(options);
    auto arrived = server.arrived();
    auto client = server.connect();
    client.send(get("/gate"));
    arrived.wait();
    const auto answer = client.receive();
    BOOST_TEST(answer.status == 503U);
    BOOST_TEST(answer.header("Connection") == "close");
    BOOST_TEST(answer.header("Access-Control-Allow-Origin") == "");
    BOOST_TEST(client.receive_until_closed() == "");
    server.open_gate();
}

/// Its request leaves its line in the log like any other, once.
BOOST_AUTO_TEST_CASE(a_handler_without_end_is_logged_as_a_request) {
    auto options = short_timeouts();
    options.handler_timeout = milliseconds(100);
    log_pipe pipe;
    {
        test_server server(options, {}, pipe.writer.get());
        auto arrived = server.arrived();
        auto client = server.connect();
        client.send(get("/gate"));
        arrived.wait();
        BOOST_TEST(client.receive().status == 503U);
        server.open_gate();
    }
    int found = 0;
    for (const auto& line : pipe.lines()) {
        if (line.value("route", "") == "/gate") {
            ++found;
            BOOST_TEST(line.at("status").get<int>() == 503);
            BOOST_TEST(line.at("microseconds").get<int>() >= 100'000);
        }
    }
    BOOST_TEST(found == 1);
}

/// The handler goes on after its client was given up, and asks for a body that can't come any more.
/// No deadline of that may touch the socket, which is closed.
BOOST_AUTO_TEST_CASE(a_body_read_after_the_handler_timed_out_harms_nobody) {
    auto options = short_timeouts();
    options.handler_timeout = milliseconds(100);
    options.transfer_grace = milliseconds(50);
    test_server server(options);
    auto arrived = server.arrived();
    auto read = server.read();
    auto client = server.connect();
    client.send(
        "POST /late HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    arrived.wait();
    BOOST_TEST(client.receive().status == 503U);
    BOOST_TEST(client.receive_until_closed() == "");
    server.open_gate();
    read.wait();
    // When this one is timed out, all shorter deadlines have been looked at.
    auto other = server.connect();
    other.send("GET");
    BOOST_TEST(other.receive().status == 408U);
    server.open_second_gate();
    BOOST_TEST(server.connect().request("GET", "/hello").status == 200U);
}

/// Fifty times the minimum rate, though the kernel reports room only now and then.
BOOST_AUTO_TEST_CASE(a_slow_reader_above_the_minimum_rate_gets_everything) {
    auto options = short_timeouts();
    options.bytes_per_second_min = 20'000;
    options.transfer_grace = milliseconds(1000);  // a busy machine has its client wait that long
    options.idle_timeout = std::chrono::seconds(60);
    test_server server(options);
    auto client = server.connect();
    client.limit_receive_buffer(64 * 1024);
    client.send(get("/big"));
    constexpr std::size_t bytes_per_second = 1'000'000;
    constexpr std::size_t throttled_bytes = 4'000'000;
    std::size_t received = 0;
    const auto started = std::chrono::steady_clock::now();
    // Round trips of another connection let the time pass.
    auto other = server.connect();
    while (received < throttled_bytes) {
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - started;
        if (static_cast<double>(received) < passed.count() * bytes_per_second) {
            const auto bytes = client.receive_some(16 * 1024);
            BOOST_REQUIRE(bytes > 0U);
            received += bytes;
        } else {
            other.request("GET", "/hello");
        }
    }
    while (const auto bytes = client.receive_some(1'000'000)) {
        received += bytes;
        if (received > big_body().size()) {
            break;
        }
    }
    BOOST_TEST(received > big_body().size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
