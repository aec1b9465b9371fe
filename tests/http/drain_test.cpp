// Stopping: what runs is finished, what idles is closed, and a second call does not wait.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <string>
#include <thread>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

using std::chrono::seconds;

/// One io thread: what one connection has seen of the drain, all others have.
server_options one_thread() {
    server_options options;
    options.io_threads = 1;
    options.linger_timeout = std::chrono::milliseconds(200);
    return options;
}

BOOST_AUTO_TEST_SUITE(drain)

BOOST_AUTO_TEST_CASE(a_request_in_flight_is_finished_and_idle_connections_are_closed) {
    test_server server(one_thread());
    auto idle = server.connect();
    idle.request("GET", "/hello");
    auto busy = server.connect();
    auto arrived = server.arrived();
    busy.send(get("/gate"));
    arrived.wait();
    auto drained =
        std::async(std::launch::async, [&] { return server.server().drain(seconds(20)); });
    BOOST_TEST(idle.receive_until_closed() == "");
    server.open_gate();
    const auto answer = busy.receive();
    BOOST_TEST(answer.body == "through");
    BOOST_TEST(answer.header("Connection") == "close");
    BOOST_TEST(busy.receive_until_closed() == "");
    BOOST_TEST(drained.get());
    BOOST_CHECK_THROW(server.connect(), test::http_failure);
}

/// Bytes nobody reads any more must not turn the end into a reset that overtakes the answer.
BOOST_AUTO_TEST_CASE(the_last_answer_arrives_though_more_requests_were_sent) {
    auto options = one_thread();
    options.linger_timeout = seconds(20);
    test_server server(options);
    auto idle = server.connect();
    idle.request("GET", "/hello");
    auto busy = server.connect();
    auto arrived = server.arrived();
    busy.send(get("/gate"));
    arrived.wait();
    busy.send(get("/hello") + get("/hello"));
    auto drained =
        std::async(std::launch::async, [&] { return server.server().drain(seconds(20)); });
    BOOST_TEST(idle.receive_until_closed() == "");  // the drain has begun
    server.open_gate();
    BOOST_TEST(busy.receive().body == "through");
    BOOST_TEST(busy.receive_until_closed() == "");
    busy.shutdown_send();
    BOOST_TEST(drained.get());
}

/// Closing over bytes that nobody has read resets the connection.
BOOST_AUTO_TEST_CASE(requests_that_came_before_the_drain_were_reset) {
    test_server server(one_thread());
    auto kept = server.connect();
    kept.request("GET", "/hello");
    auto blocking = server.connect();
    auto arrived = server.arrived();
    blocking.send(get("/block"));
    arrived.wait();
    kept.send(get("/hello"));
    auto drained =
        std::async(std::launch::async, [&] { return server.server().drain(seconds(20)); });
    // By now it waits behind the thread that stands still. Should it not yet, then there is less to
    // be seen: the answer ends nothing, and the drain does.
    drained.wait_for(std::chrono::milliseconds(500));
    server.open_gate();
    BOOST_TEST(blocking.receive().body == "through");
    const auto answer = kept.receive();
    BOOST_TEST(answer.body == "hello");
    if (answer.header("Connection") == "close") {
        BOOST_TEST(kept.receive_until_closed() == "");
    }
    kept.shutdown_send();
    BOOST_TEST(drained.get());
}

BOOST_AUTO_TEST_CASE(an_upload_in_flight_is_finished) {
    test_server server(one_thread());
    auto client = server.connect();
    client.send(
        "POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST(client.receive().status == 100U);
    auto idle = server.connect();
    idle.request("GET", "/hello");
    auto drained =
        std::async(std::launch::async, [&] { return server.server().drain(seconds(20)); });
    BOOST_TEST(idle.receive_until_closed() == "");  // the drain has begun
    client.send("abcdef");
    BOOST_TEST(client.receive().body == "6");
    BOOST_TEST(drained.get());
}

BOOST_AUTO_TEST_CASE(patience_ends) {
    test_server server(one_thread());
    auto client = server.connect();
    auto arrived = server.arrived();
    client.send(get("/gate"));
    arrived.wait();
    BOOST_TEST(!server.server().drain(std::chrono::milliseconds(50)));
    server.open_gate();
}

BOOST_AUTO_TEST_CASE(a_second_call_ends_it_at_once) {
    test_server server(one_thread());
    auto client = server.connect();
    auto idle = server.connect();
    idle.request("GET", "/hello");
    auto arrived = server.arrived();
    client.send(get("/gate"));
    arrived.wait();
    auto drained = std::async(std::launch::async,
                              [&] { return server.server().drain(std::chrono::hours(1)); });
    BOOST_TEST(idle.receive_until_closed() == "");
    BOOST_TEST(!server.server().drain(seconds(1)));
    BOOST_TEST(!drained.get());
    server.open_gate();
}

BOOST_AUTO_TEST_CASE(a_server_without_connections_drains_at_once) {
    test_server server(one_thread());
    BOOST_TEST(server.server().drain(std::chrono::hours(1)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
