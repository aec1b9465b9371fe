// What RFC 9112 lets two parties read in two ways is refused, and nothing behind it is read.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <iterator>
#include <string>
#include <vector>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

struct refused_case {
    std::string name;
    std::string message;
    unsigned status;
};

std::string header(const std::string& lines) {
    return "POST /echo HTTP/1.1\r\n" + lines + "\r\n";
}

/// How long a body is.
std::vector<refused_case> refused_lengths() {
    const std::string host = "Host: a\r\n";
    return {
        {"two lengths", header(host + "Content-Length: 3\r\nContent-Length: 4\r\n") + "abcd", 400},
        {"the same length twice",
         header(host + "Content-Length: 3\r\nContent-Length: 3\r\n") + "abc", 400},
        {"list of lengths", header(host + "Content-Length: 3, 3\r\n") + "abc", 400},
        {"signed length", header(host + "Content-Length: +3\r\n") + "abc", 400},
        {"negative length", header(host + "Content-Length: -1\r\n"), 400},
        {"hexadecimal length", header(host + "Content-Length: 0x3\r\n") + "abc", 400},
        {"length with a space in it", header(host + "Content-Length: 1 3\r\n") + "abc", 400},
        {"length with a fraction", header(host + "Content-Length: 3.0\r\n") + "abc", 400},
        {"empty length", header(host + "Content-Length:\r\n"), 400},
        {"length behind a space", header(host + "Content-Length : 3\r\n") + "abc", 400},
        {"length beyond 64 bits", header(host + "Content-Length: 18446744073709551616\r\n"), 400},
        {"length and chunked",
         header(host + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400},
        {"chunked and length",
         header(host + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n") + "0\r\n\r\n", 400},
        {"gzip with length",
         header(host + "Transfer-Encoding: gzip\r\nContent-Length: 3\r\n") + "abc", 400},
        {"gzip alone", header(host + "Transfer-Encoding: gzip\r\n"), 400},
        {"identity", header(host + "Transfer-Encoding: identity\r\n"), 400},
        {"gzip, chunked", header(host + "Transfer-Encoding: gzip, chunked\r\n") + "0\r\n\r\n", 400},
        {"chunked, chunked", header(host + "Transfer-Encoding: chunked, chunked\r\n"), 400},
        {"quoted chunked", header(host + "Transfer-Encoding: \"chunked\"\r\n"), 400},
        {"empty coding", header(host + "Transfer-Encoding:\r\n"), 400},
        {"chunked, gzip", header(host + "Transfer-Encoding: chunked, gzip\r\n"), 400},
        {"chunked and a comma", header(host + "Transfer-Encoding: chunked,\r\n"), 400},
        {"almost chunked", header(host + "Transfer-Encoding: xchunked\r\n") + "0\r\n\r\n", 400},
        {"chunked behind a space", header(host + "Transfer-Encoding : chunked\r\n"), 400},
        {"chunked on a folded line", header(host + "Transfer-Encoding:\r\n chunked\r\n"), 400},
        {"chunked with a parameter", header(host + "Transfer-Encoding: chunked;q=1\r\n"), 400},
        {"vertical tab before chunked", header(host + "Transfer-Encoding: \vchunked\r\n"), 400},
        {"two codings",
         header(host + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
        {"chunked in HTTP/1.0",
         "POST /echo HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    };
}

std::vector<refused_case> refused_expectations() {
    const std::string begin = "Host: a\r\nContent-Length: 3\r\n";
    return {
        {"other expectation", header(begin + "Expect: 200-ok\r\n") + "abc", 417},
        {"empty expectation", header(begin + "Expect:\r\n") + "abc", 417},
        {"expectation with a parameter", header(begin + "Expect: 100-continue;a=b\r\n"), 417},
        {"two expectations", header(begin + "Expect: 100-continue, 200-ok\r\n"), 417},
        {"one expectation twice",
         header(begin + "Expect: 100-continue\r\nExpect: 100-continue\r\n"), 417},
    };
}

/// Whose request it is.
std::vector<refused_case> refused_hosts() {
    std::vector<refused_case> cases{
        {"no Host", "GET /hello HTTP/1.1\r\n\r\n", 400},
        {"two Hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
        {"two different Hosts", "GET /hello HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", 400},
        {"two Hosts in HTTP/1.0", "GET /hello HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400},
        {"invalid Host in HTTP/1.0", "GET /hello HTTP/1.0\r\nHost: a/b\r\n\r\n", 400},
        {"other authority", "GET http://b/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"other port", "GET http://a:81/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"authority with a user", "GET http://b@a/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"authority with a user in HTTP/1.0", "GET http://b@a/hello HTTP/1.0\r\n\r\n", 400},
        {"other authority with a query", "GET http://b?q=/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"absolute form without Host", "GET http://a/hello HTTP/1.1\r\n\r\n", 400},
        {"absolute form without authority", "GET http:///hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
    };
    for (const std::string value : {"",          "a/b",
                                    "b@a",       "a b",
                                    "a,b",       "a, a",
                                    "a:b",       "a:80:80",
                                    "a:65536",   "a:-1",
                                    "a:+80",     ":80",
                                    "%zz",       "a%2",
                                    "\"a\"",     "[::1",
                                    "::1",       "[]",
                                    "[:::::]",   "[::1]:65536",
                                    "[::1]a",    "[fe80::1%25eth0]",
                                    "[1.2.3.4]", "\xc3\xa4"}) {
        cases.push_back(
            {"Host '" + value + "'", "GET /hello HTTP/1.1\r\nHost: " + value + "\r\n\r\n", 400});
    }
    return cases;
}

/// For what it is, and where its lines end.
std::vector<refused_case> refused_lines() {
    using namespace std::string_literals;
    return {
        {"folded line", "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n", 400},
        {"folded first line", "GET /hello HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n", 400},
        {"bare LF", "GET /hello HTTP/1.1\nHost: a\n\n", 400},
        {"bare LF in a field", "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\nY: 2\r\n\r\n", 400},
        {"bare LF as the end", "GET /hello HTTP/1.1\r\nHost: a\r\n\n", 400},
        {"bare CR in a field", "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\r2\r\n\r\n", 400},
        {"NUL in a value", "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\0002\r\n\r\n"s, 400},
        {"NUL in a target", "GET /he\0llo HTTP/1.1\r\nHost: a\r\n\r\n"s, 400},
        {"DEL in a value", "GET /hello HTTP/1.1\r\nHost: a\r\nX: 1\x7f\r\n\r\n", 400},
        {"space before the colon", "GET /hello HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n", 400},
        {"space in a name", "GET /hello HTTP/1.1\r\nHost: a\r\nX Y: 1\r\n\r\n", 400},
        {"no colon", "GET /hello HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", 400},
        {"empty name", "GET /hello HTTP/1.1\r\nHost: a\r\n: 1\r\n\r\n", 400},
        {"HTTP/2.0", "GET /hello HTTP/2.0\r\nHost: a\r\n\r\n", 505},
        {"HTTP/1.2", "GET /hello HTTP/1.2\r\nHost: a\r\n\r\n", 505},
        {"HTTP/0.9", "GET /hello HTTP/0.9\r\nHost: a\r\n\r\n", 505},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
        {"no version", "GET /hello\r\nHost: a\r\n\r\n", 400},
        {"lower-case version", "GET /hello http/1.1\r\nHost: a\r\n\r\n", 400},
        {"version of two digits", "GET /hello HTTP/1.11\r\nHost: a\r\n\r\n", 400},
        {"no target", "GET HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"two spaces", "GET  /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"space in the target", "GET /hel lo HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"tab for a space", "GET\t/hello\tHTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"space behind the version", "GET /hello HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
        {"relative target", "GET hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"asterisk in absolute form", "OPTIONS http://a* HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"other scheme", "GET ftp://a/hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"asterisk for GET", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"authority form for GET", "GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 400},
        {"asterisk form for a path", "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501},
        {"CONNECT with a path", "CONNECT /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"method that is no token", "G@T /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"unknown method", "BREW /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"method longer than any", std::string(9000, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"lower-case method", "get /hello HTTP/1.1\r\nHost: a\r\n\r\n", 501},
        {"space before the method", " GET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"bare LF before the method", "\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"bare CR before the method", "\rGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"byte order mark", "\xef\xbb\xbfGET /hello HTTP/1.1\r\nHost: a\r\n\r\n", 400},
        {"byte beyond ASCII in a name", "GET /hello HTTP/1.1\r\nHost: a\r\nX\xe9: 1\r\n\r\n", 400},
        {"PROXY line", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", 400},
        {"HTTP/0.9 as it was", "GET /hello\r\n", 400},
        {"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"s, 400},
    };
}

BOOST_AUTO_TEST_SUITE(framing)

BOOST_AUTO_TEST_CASE(doubtful_requests_are_refused_and_nothing_behind_them_is_read) {
    test_server server;
    auto cases = refused_lengths();
    std::ranges::move(refused_expectations(), std::back_inserter(cases));
    std::ranges::move(refused_hosts(), std::back_inserter(cases));
    std::ranges::move(refused_lines(), std::back_inserter(cases));
    for (const auto& [name, message, status] : cases) {
        BOOST_TEST_CONTEXT(name) {
            auto client = server.connect();
            client.send(message + get("/hello"));
            const auto answer = client.receive();
            BOOST_TEST(answer.status == status);
            BOOST_TEST(answer.header("Content-Type") == "application/problem+json");
            BOOST_TEST(answer.header("Connection") == "close");
            BOOST_TEST(!answer.header("X-Request-Id").empty());
            BOOST_TEST(client.receive_until_closed() == "");
            BOOST_TEST(server.served() == 0);
        }
    }
}

/// A TLS client sends its greeting and waits; there is no line end in it.
BOOST_AUTO_TEST_CASE(tls_clients_waited_for_the_header_timeout) {
    using namespace std::string_literals;
    server_options options;
    options.header_timeout = std::chrono::minutes(10);
    test_server server(options);
    auto client = server.connect();
    client.send("\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"s + std::string(300, '\x80'));
    BOOST_TEST(client.receive().status == 400U);
    client.shutdown_send();
    BOOST_TEST(client.receive_until_closed() == "");
}

/// Chunked bodies that are malformed; the handler sees the error and answers 400.
BOOST_AUTO_TEST_CASE(malformed_chunks_are_refused_and_nothing_behind_them_is_read) {
    using namespace std::string_literals;
    const std::vector<std::pair<std::string, std::string>> cases{
        {"blank behind the size", "3 \r\nabc\r\n0\r\n\r\n"},
        {"signed size", "+3\r\nabc\r\n0\r\n\r\n"},
        {"extension without a semicolon", "3 a\r\nabc\r\n0\r\n\r\n"},
        {"less data than said", "4\r\nabc\r\n0\r\n\r\n"},
        {"Host in a trailer", "3\r\nabc\r\n0\r\nHost: b\r\n\r\n"},
        {"no size", "\r\nabc\r\n0\r\n\r\n"},
        {"no digit", "x\r\nabc\r\n0\r\n\r\n"},
        {"0x prefix", "0x3\r\nabc\r\n0\r\n\r\n"},
        {"negative size", "-3\r\nabc\r\n0\r\n\r\n"},
        {"space before the size", " 3\r\nabc\r\n0\r\n\r\n"},
        {"size beyond 64 bits", "10000000000000003\r\nabc\r\n0\r\n\r\n"},
        {"more data than said", "3\r\nabcd\r\n0\r\n\r\n"},
        {"bare LF behind the size", "3\nabc\r\n0\r\n\r\n"},
        {"bare LF behind the data", "3\r\nabc\n0\r\n\r\n"},
        {"bare LF in an extension", "3;a\nabc\r\n0\r\n\r\n"},
        {"malformed extension", "3;\x01\r\nabc\r\n0\r\n\r\n"},
        {"bare LF in a quoted extension", "3;a=\"\n\"\r\nabc\r\n0\r\n\r\n"},
        {"NUL in a quoted extension", "3;a=\"\0\"\r\nabc\r\n0\r\n\r\n"s},
        {"bare CR in a quoted extension", "3;a=\"\r\"\r\nabc\r\n0\r\n\r\n"},
        {"folded trailer", "3\r\nabc\r\n0\r\nT: 1\r\n 2\r\n\r\n"},
        {"NUL in a trailer", "3\r\nabc\r\n0\r\nT: \0\r\n\r\n"s},
        {"framing in a trailer", "3\r\nabc\r\n0\r\nContent-Length: 9\r\n\r\n"},
        {"malformed trailer", "3\r\nabc\r\n0\r\nno colon\r\n\r\n"},
        {"endless extension", "3;" + std::string(64 * 1024, 'a')},
        {"endless trailers", "3\r\nabc\r\n0\r\n" + std::string(64 * 1024, 'a')},
    };
    test_server server;
    for (const auto& [name, body] : cases) {
        BOOST_TEST_CONTEXT(name) {
            auto client = server.connect();
            client.send_until_closed(
                "POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + body +
                get("/hello"));
            const int served_before = server.served();
            const auto answer = client.receive();
            BOOST_TEST(answer.status == 400U);
            BOOST_TEST(answer.header("Connection") == "close");
            BOOST_TEST(client.receive_until_closed(true) == "");
            BOOST_TEST(server.served() <= served_before + 1);
        }
    }
    BOOST_TEST(server.served() == static_cast<int>(cases.size()));
}

BOOST_AUTO_TEST_CASE(correct_requests_of_unusual_form_are_served) {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"empty lines in front", "\r\n\r\nGET /hello HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"absolute form", "GET http://a/hello HTTP/1.1\r\nHost: a\r\n\r\n"},
        {"absolute form, other case", "GET HTTP://A/hello HTTP/1.1\r\nhost: a\r\n\r\n"},
        {"absolute form in HTTP/1.0",
         "GET http://a/hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"},
        {"Host with an empty port", "GET /hello HTTP/1.1\r\nHost: a:\r\n\r\n"},
        {"Host with the last port", "GET /hello HTTP/1.1\r\nHost: a:65535\r\n\r\n"},
        {"Host with an encoded byte", "GET /hello HTTP/1.1\r\nHost: %C3%a4\r\n\r\n"},
        {"expectation of HTTP/1.0",
         "GET /hello HTTP/1.0\r\nConnection: keep-alive\r\nExpect: b\r\n\r\n"},
        {"expectation without a body",
         "GET /hello HTTP/1.1\r\nHost: a\r\nExpect: 100-CONTINUE\r\n\r\n"},
        {"tab before the coding",
         "GET /hello HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\tchunked\t\r\n\r\n0\r\n\r\n"},
        {"length behind zeros", "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                                    std::string(100, '0') + "3\r\n\r\nabc"},
        {"upgrade that is not taken",
         "GET /hello HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"},
        {"IPv6 Host", "GET /hello HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"},
        {"Host with a port", "GET /hello HTTP/1.1\r\nHost: example.org:8080\r\n\r\n"},
        {"no space behind the colon", "GET /hello HTTP/1.1\r\nHost:a\r\n\r\n"},
        {"blanks around values", "GET /hello HTTP/1.1\r\nHost: \t a \t\r\n\r\n"},
        {"empty value", "GET /hello HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n"},
        {"bytes beyond ASCII in a value", "GET /hello HTTP/1.1\r\nHost: a\r\nX: \xc3\xa9\r\n\r\n"},
        {"length of zero", "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
        {"body of a GET", "GET /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
        {"chunked in other case",
         "GET /hello HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"},
    };
    test_server server;
    for (const auto& [name, message] : cases) {
        BOOST_TEST_CONTEXT(name) {
            auto client = server.connect();
            client.send(message + get("/things/7"));
            BOOST_TEST(client.receive().body == "hello");
            BOOST_TEST(client.receive().body == "7");
        }
    }
}

/// Beast 1.81 asserts when an empty chunked body's end comes in pieces.
BOOST_AUTO_TEST_CASE(an_empty_chunked_body_in_pieces_ended_the_process) {
    server_options options;
    options.io_threads = 1;
    test_server server(options);
    auto client = server.connect();
    auto other = server.connect();
    const auto send_alone = [&](std::string_view piece) {
        client.send(piece);
        other.request("GET", "/hello");  // the one thread has read the piece when it answers this
    };
    for (const std::string body : {"0\r\n\r\n", "00\r\n\r\n", "0\r\nT: 1\r\n\r\n"}) {
        for (std::size_t first = 0; first <= body.size(); ++first) {
            for (std::size_t second = first; second <= body.size(); ++second) {
                send_alone("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                           body.substr(0, first));
                send_alone(body.substr(first, second - first));
                client.send(body.substr(second));
                const auto answer = client.receive();
                BOOST_REQUIRE(answer.status == 200U);
                BOOST_REQUIRE(answer.body.empty());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_split_of_a_request_is_served) {
    test_server server;
    auto client = server.connect();
    const std::string message =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: 1\r\n\r\n";
    for (std::size_t split = 1; split < message.size(); ++split) {
        BOOST_TEST_CONTEXT("split at " << split) {
            client.send(std::string_view(message).substr(0, split));
            client.send(std::string_view(message).substr(split));
            BOOST_TEST(client.receive().body == "abcde");
        }
    }
    for (const char byte : message) {
        client.send({&byte, 1});
    }
    BOOST_TEST(client.receive().body == "abcde");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
