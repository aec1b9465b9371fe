// Request bodies: 100-continue, chunked, unread ones, and answers to those that are half read.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <sstream>
#include <string>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

BOOST_AUTO_TEST_SUITE(bodies)

BOOST_AUTO_TEST_CASE(continue_is_sent_when_the_handler_reads) {
    test_server server;
    auto client = server.connect();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST(client.receive().status == 100U);
    client.send("abc");
    BOOST_TEST(client.receive().body == "abc");
    BOOST_TEST(client.request("GET", "/hello").body == "hello");
}

BOOST_AUTO_TEST_CASE(continue_is_not_sent_when_the_handler_does_not_read) {
    test_server server;
    auto client = server.connect();
    client.send(
        "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    const auto answer = client.receive();
    BOOST_TEST(answer.status == 200U);
    BOOST_TEST(answer.header("Connection") == "close");
}

BOOST_AUTO_TEST_CASE(continue_is_not_sent_when_the_body_is_there_already) {
    test_server server;
    auto client = server.connect();
    client.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc");
    BOOST_TEST(client.receive().body == "abc");
    BOOST_TEST(client.request("GET", "/hello").body == "hello");
}

BOOST_AUTO_TEST_CASE(large_bodies_stream) {
    test_server server;
    auto client = server.connect();
    const std::string body(30'000'000, 'b');
    BOOST_TEST(client.request("POST", "/count", {}, body).body == "30000000");
    std::string chunked = "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    std::size_t total = 0;
    for (std::size_t size = 1; size < 100'000; size = size * 3 + 1) {
        std::ostringstream line;
        line << std::hex << size << "\r\n" << std::string(size, 'c') << "\r\n";
        chunked += line.str();
        total += size;
    }
    client.send(chunked + "0\r\n\r\n" + get("/hello"));
    BOOST_TEST(client.receive().body == std::to_string(total));
    BOOST_TEST(client.receive().body == "hello");
}

BOOST_AUTO_TEST_CASE(the_answer_to_a_half_read_body_arrives) {
    test_server server;
    auto client = server.connect();
    // The sender goes on sending after the refusal; a reset would overtake the answer.
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n");
    client.send_until_closed(std::string(3'000'000, 'b'));
    BOOST_TEST(client.receive().status == 413U);
    client.shutdown_send();
    BOOST_TEST(client.receive_until_closed() == "");
}

/// More than any buffer takes, as fast as it goes: only a client that is done listens.
BOOST_AUTO_TEST_CASE(a_fast_sender_sees_that_its_body_was_too_large) {
    server_options options;
    options.linger_timeout = std::chrono::seconds(20);
    test_server server(options);
    auto client = server.connect();
    constexpr std::size_t bytes = 50'000'000;
    client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 50000000\r\n\r\n");
    BOOST_TEST(client.send_until_closed(std::string(bytes, 'b')) == bytes);
    BOOST_TEST(client.receive().status == 413U);
    BOOST_TEST(client.receive_until_closed() == "");
}

BOOST_AUTO_TEST_CASE(a_small_unread_body_does_not_cost_the_connection) {
    test_server server;
    auto client = server.connect();
    const auto answer = client.request("POST", "/ignore", {}, std::string(60'000, 'b'));
    BOOST_TEST(!answer.has_header("Connection"));
    BOOST_TEST(client.request("GET", "/hello").body == "hello");
}

BOOST_AUTO_TEST_CASE(a_large_unread_body_ends_the_connection) {
    test_server server;
    auto client = server.connect();
    const auto answer = client.request("POST", "/ignore", {}, std::string(100'000, 'b'));
    BOOST_TEST(answer.status == 200U);
    BOOST_TEST(answer.header("Connection") == "close");
}

BOOST_AUTO_TEST_CASE(a_sender_that_leaves_in_the_middle_harms_nobody) {
    test_server server;
    for (int i = 0; i < 10; ++i) {
        auto client = server.connect();
        client.send("POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nabc");
    }
    BOOST_TEST(server.connect().request("GET", "/hello").status == 200U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
