// What is known of a request that is refused by its header alone: its id, its method, its origin.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/http/log_pipe.hpp"
#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

constexpr std::string_view known_fields =
    "X-Request-Id: Root=1-\"abc\"\r\nOrigin: https://app.example\r\n";

struct refused_header {
    std::string name;
    std::string text;
    unsigned status;
};

/// What was logged about requests.
std::vector<nlohmann::json> request_lines(log_pipe& pipe) {
    auto lines = pipe.lines();
    std::erase_if(lines, [](const auto& line) { return !line.contains("status"); });
    return lines;
}

/// Headers that are refused at each of the places where one can be; all of them HEAD.
std::vector<refused_header> refused_headers() {
    const std::string begin = "HEAD /hello HTTP/1.1\r\nHost: a\r\n" + std::string(known_fields);
    return {
        {"framing", begin + "Content-Length: x\r\n\r\n", 400},
        {"syntax", begin + "no colon\r\n\r\n", 400},
        {"version", "HEAD / HTTP/1.9\r\n" + std::string(known_fields) + "\r\n", 505},
        {"target", "HEAD /" + std::string(9000, 'a'), 414},
        {"size", begin + "X: " + std::string(16 * 1024, 'x'), 431},
        {"expectation", begin + "Content-Length: 1\r\nExpect: b\r\n\r\n", 417},
    };
}

BOOST_AUTO_TEST_SUITE(refusals)

BOOST_AUTO_TEST_CASE(refused_head_requests_got_a_body) {
    test_server server;
    for (const auto& [name, text, status] : refused_headers()) {
        BOOST_TEST_CONTEXT(name) {
            auto client = server.connect();
            client.send(text);
            const auto answer = client.receive(true);
            BOOST_TEST(answer.status == status);
            BOOST_TEST(answer.header("Content-Length") != "0");
            BOOST_TEST(client.receive_until_closed() == "");
        }
    }
}

BOOST_AUTO_TEST_CASE(refused_requests_lost_their_id_and_origin) {
    test_server server({}, {.origins = {"https://app.example"}});
    for (const auto& [name, text, status] : refused_headers()) {
        BOOST_TEST_CONTEXT(name) {
            auto client = server.connect();
            client.send(text);
            const auto answer = client.receive(true);
            BOOST_TEST(answer.header("Vary") == "Origin");
            if (status == 414) {  // refused before its fields came
                continue;
            }
            if (status != 505) {
                BOOST_TEST(answer.header("X-Request-Id") == "Root=1-\"abc\"");
                BOOST_TEST(answer.header("Access-Control-Allow-Origin") == "https://app.example");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_can_be_read_in_two_ways_is_not_believed) {
    test_server server({}, {.origins = {"*"}});
    for (const std::string& field : {std::string("Origin: a\nX: b"), std::string("Origin: a\r\n b"),
                                     std::string("X: \x01"), std::string("Origin: a\rb")}) {
        auto client = server.connect();
        client.send("GET /hello HTTP/1.1\r\nHost: a\r\nX-Request-Id: c\r\n" + field + "\r\n\r\n");
        const auto answer = client.receive();
        BOOST_TEST(answer.status == 400U);
        BOOST_TEST(answer.header("X-Request-Id").size() == 16U);
        BOOST_TEST(!answer.has_header("Access-Control-Allow-Origin"));
    }
}

BOOST_AUTO_TEST_CASE(refused_requests_were_logged_without_method_and_time) {
    auto options = server_options();
    options.header_timeout = std::chrono::milliseconds(100);
    log_pipe pipe;
    {
        test_server server(options, {}, pipe.writer.get());
        for (const auto& [name, text, status] : refused_headers()) {
            auto client = server.connect();
            client.send(text);
            BOOST_TEST(client.receive(true).status == status);
        }
        auto slow = server.connect();
        slow.send("PUT /hello HTTP/1.1\r\nX-Request-Id: slow\r\nHost");
        BOOST_TEST(slow.receive().status == 408U);
        auto garbage = server.connect();
        garbage.send("\x16\x03\x01\r\n\r\n");
        BOOST_TEST(garbage.receive().status == 400U);
    }
    int heads = 0;
    bool slow_seen = false;
    bool unknown_seen = false;
    for (const auto& line : request_lines(pipe)) {
        heads += line.at("method") == "HEAD" ? 1 : 0;
        unknown_seen = unknown_seen || line.at("method").get<std::string>().empty();
        if (line.at("request_id") == "slow") {
            slow_seen = true;
            BOOST_TEST((line.at("method") == "PUT"));
            BOOST_TEST(line.at("status").get<int>() == 408);
            BOOST_TEST(line.at("microseconds").get<int>() >= 90'000);
        }
    }
    BOOST_TEST(heads == static_cast<int>(refused_headers().size()));
    BOOST_TEST(slow_seen);
    BOOST_TEST(unknown_seen);
}

BOOST_AUTO_TEST_CASE(a_client_that_left_in_mid_body_was_logged_as_400) {
    log_pipe pipe;
    {
        test_server server({}, {}, pipe.writer.get());
        for (const auto* framing : {"Content-Length: 1000", "Transfer-Encoding: chunked"}) {
            auto client = server.connect();
            client.send("POST /count HTTP/1.1\r\nHost: a\r\n" + std::string(framing) +
                        "\r\n\r\n10\r\nabc");
            client.shutdown_send();
            BOOST_TEST(client.receive().status == 400U);  // it left one way only
        }
    }
    const auto lines = request_lines(pipe);
    BOOST_REQUIRE(lines.size() == 2U);
    for (const auto& line : lines) {
        BOOST_TEST(line.at("status").get<int>() == 499);
        BOOST_TEST((line.at("route") == "/count"));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
