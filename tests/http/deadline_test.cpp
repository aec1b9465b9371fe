// Slow clients are timed out, fast ones are not. Each test waits for the server's own act.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

using std::chrono::milliseconds;

server_options short_timeouts() {
    server_options options;
    options.header_timeout = milliseconds(200);
    options.idle_timeout = milliseconds(200);
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
    while (std::chrono::steady_clock::now() - started < std::chrono::seconds(1)) {
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
    BOOST_TEST(client.receive_until_closed(true) == "");
    server.open_gate();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
