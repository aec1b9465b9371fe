// Streams of requests that end early: by an error among them, or by a client that leaves at any
// byte.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

const std::string sized_request = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
const std::string chunked_request =
    "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
    "3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n";

std::size_t header_bytes_of(const std::string& request) {
    return request.find("\r\n\r\n") + 4;
}

/// The server holds nothing any more of those who left.
void check_everybody_left(test_server& server) {
    auto witness = server.connect();
    BOOST_TEST(witness.request("GET", "/hello").body == "hello");
    while (server.server().connections() > 1) {
        BOOST_REQUIRE(witness.request("GET", "/hello").body == "hello");
    }
}

BOOST_AUTO_TEST_SUITE(early_ends)

BOOST_AUTO_TEST_CASE(what_is_before_an_error_is_answered_and_nothing_behind_it_is_read) {
    test_server server;
    const std::vector<std::pair<std::string, unsigned>> errors{
        {"GET /hello HTTP/1.1\r\n\r\n", 400},
        {"GET /hello HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
        {"GET /hello HTTP/3.0\r\nHost: a\r\n\r\n", 505},
        {"BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(17'000, 'a') + "\r\n\r\n", 431},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nExpect: b\r\n\r\na", 417},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2000\r\n\r\n" + std::string(2000, 'a'),
         413},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n\r\n", 400},
    };
    for (const auto& [error, status] : errors) {
        BOOST_TEST_CONTEXT(error.substr(0, 80)) {
            const int served_before = server.served();
            auto client = server.connect();
            std::string stream = get("/things/1");
            stream.append(sized_request).append(chunked_request).append(error);
            stream.append(get("/things/2")).append(sized_request);
            client.send_until_closed(stream);
            client.shutdown_send();
            BOOST_TEST(client.receive().body == "1");
            BOOST_TEST(client.receive().body == "abc");
            BOOST_TEST(client.receive().body == "abcde");
            const auto refusal = client.receive();
            BOOST_TEST(refusal.status == status);
            BOOST_TEST(refusal.header("Connection") == "close");
            BOOST_TEST(client.receive_until_closed() == "");
            BOOST_TEST(server.served() <= served_before + 4);  // echo sees bodies that it refuses
        }
    }
}

/// Half of the connection stays open: the client listens for what the server says.
BOOST_AUTO_TEST_CASE(a_client_that_says_no_more_at_any_byte_is_told_once_or_not_at_all) {
    test_server server;
    for (const auto& request : {sized_request, chunked_request}) {
        for (std::size_t bytes = 0; bytes <= request.size(); ++bytes) {
            BOOST_TEST_CONTEXT(bytes << " bytes of " << request) {
                auto client = server.connect();
                client.send(get("/things/1") + request.substr(0, bytes));
                client.shutdown_send();
                BOOST_TEST(client.receive().body == "1");
                const auto answer = client.receive_unless_closed();
                BOOST_TEST(answer.has_value() == (bytes >= header_bytes_of(request)));
                if (answer) {
                    BOOST_TEST(answer->status == (bytes == request.size() ? 200U : 400U));
                    BOOST_TEST(client.receive_until_closed() == "");
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_client_that_leaves_at_any_byte_harms_nobody) {
    test_server server;
    for (const bool reset : {false, true}) {
        for (const auto& request : {sized_request, chunked_request}) {
            for (std::size_t bytes = 0; bytes <= request.size(); ++bytes) {
                auto client = server.connect();
                client.send(request.substr(0, bytes));
                if (reset) {
                    client.reset_when_closed();
                }
            }
        }
        check_everybody_left(server);
    }
}

/// In the middle of an answer that fits into no buffer.
BOOST_AUTO_TEST_CASE(a_client_that_leaves_while_it_is_sent_to_harms_nobody) {
    test_server server;
    for (const bool reset : {false, true}) {
        for (const auto* target : {"/big", "/large", "/file"}) {
            auto client = server.connect();
            client.send(get(target) + get(target));
            BOOST_TEST(client.receive_some(1000) > 0U);
            if (reset) {
                client.reset_when_closed();
            }
        }
        check_everybody_left(server);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
