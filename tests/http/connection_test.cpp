// Keep-alive, pipelining, HEAD, routing and what every answer carries.
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "server/problem.hpp"
#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

BOOST_AUTO_TEST_SUITE(connections)

BOOST_AUTO_TEST_CASE(pipelined_requests_are_answered_in_order) {
    test_server server;
    auto client = server.connect();
    std::string messages;
    for (int i = 0; i < 1000; ++i) {
        messages += get("/things/" + std::to_string(i));
    }
    client.send(messages);
    for (int i = 0; i < 1000; ++i) {
        BOOST_REQUIRE_EQUAL(client.receive().body, std::to_string(i));
    }
}

BOOST_AUTO_TEST_CASE(pipelined_behind_bodies) {
    test_server server;
    auto client = server.connect();
    const std::string chunked =
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\n\r\n";
    const std::string sized = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\ndef";
    const std::string unread = "POST /ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nghi";
    const std::string unread_chunked =
        "POST /ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0\r\n\r\n";
    client.send(chunked + sized + unread + unread_chunked + chunked + get("/hello"));
    for (const auto* body : {"abc", "def", "ignored", "ignored", "abc", "hello"}) {
        BOOST_TEST(client.receive().body == body);
    }
}

BOOST_AUTO_TEST_CASE(connection_ends_when_asked) {
    test_server server;
    auto client = server.connect();
    client.send("GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + get("/hello"));
    BOOST_TEST(client.receive().header("Connection") == "close");
    BOOST_TEST(client.receive_until_closed() == "");
    BOOST_TEST(server.served() == 1);
}

BOOST_AUTO_TEST_CASE(http_1_0_ends_the_connection_unless_asked_otherwise) {
    test_server server;
    auto client = server.connect();
    client.send("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    BOOST_TEST(client.receive().header("Connection") == "keep-alive");
    client.send("GET /hello HTTP/1.0\r\n\r\n");
    BOOST_TEST(client.receive().header("Connection") == "close");
    BOOST_TEST(client.receive_until_closed() == "");
}

BOOST_AUTO_TEST_CASE(head_has_the_length_but_no_body) {
    test_server server;
    auto client = server.connect();
    const auto answer = client.request("HEAD", "/hello");
    BOOST_TEST(answer.status == 200U);
    BOOST_TEST(answer.header("Content-Length") == "5");
    const auto file = client.request("HEAD", "/file");
    BOOST_TEST(file.header("Content-Length") == std::to_string(sample_file_bytes().size()));
    const auto missing = client.request("HEAD", "/nothing");
    BOOST_TEST(missing.status == 404U);
    BOOST_TEST(client.request("GET", "/hello").body == "hello");
}

BOOST_AUTO_TEST_CASE(every_answer_has_an_id_and_a_date) {
    test_server server;
    auto client = server.connect();
    std::set<std::string> ids;
    for (const auto* target : {"/hello", "/nothing", "/throw", "/%zz"}) {
        const auto answer = client.request("GET", target);
        ids.insert(answer.header("X-Request-Id"));
        BOOST_TEST(answer.header("Date").size() == 29U);
    }
    BOOST_TEST(ids.size() == 4U);
    BOOST_TEST(!ids.contains(""));
    const auto own = client.request("GET", "/hello", {{"X-Request-Id", "abc-123"}});
    BOOST_TEST(own.header("X-Request-Id") == "abc-123");
    for (const auto& good : {std::string("Root=1-67891233-abcdef012345678912345678"),
                             std::string(128, '~'), std::string("<\"!\\>")}) {
        const auto answer = client.request("GET", "/hello", {{"X-Request-Id", good}});
        BOOST_TEST(answer.header("X-Request-Id") == good);
    }
    for (const auto& bad :
         {std::string("a b"), std::string(129, 'a'), std::string("\xc3\xa9"), std::string()}) {
        const auto answer = client.request("GET", "/hello", {{"X-Request-Id", bad}});
        BOOST_TEST(answer.header("X-Request-Id").size() == 16U);
    }
}

/// RFC 9110 §5.3: several lines of a list are one list.
BOOST_AUTO_TEST_CASE(conditions_in_several_lines_are_one_list) {
    test_server server;
    auto client = server.connect();
    const auto seen = [&client](const test::header_list& headers) {
        return client.request("GET", "/if-match", headers).body;
    };
    BOOST_TEST(seen({}) == "; ");
    BOOST_TEST(seen({{"If-Match", "\"a\""}}) == "\"a\"; ");
    BOOST_TEST(seen({{"If-Match", "\"a\""},
                     {"If-None-Match", "\"b\""},
                     {"if-match", "\"c\", \"d\""},
                     {"If-Match", "\"e\""},
                     {"IF-NONE-MATCH", "\"f\""}}) == "\"a\", \"c\", \"d\", \"e\"; \"b\", \"f\"");
}

BOOST_AUTO_TEST_CASE(repeated_fields_of_one_value_are_refused) {
    test_server server;
    const auto answer = server.connect().request(
        "GET", "/hello", {{"Authorization", "Bearer a"}, {"Authorization", "Bearer b"}});
    BOOST_TEST(answer.status == 400U);
    BOOST_TEST(server.served() == 0);
}

/// The client's address of the root, with a query alone, and of the server as a whole.
BOOST_AUTO_TEST_CASE(absolute_targets_without_a_path_were_refused) {
    test_server server;
    auto client = server.connect();
    for (const auto& [line, status] :
         {std::pair("GET http://a?x=1", 404U), std::pair("GET http://a", 404U),
          std::pair("OPTIONS http://a", 204U), std::pair("OPTIONS HTTP://A", 204U),
          std::pair("OPTIONS http://a/", 404U), std::pair("OPTIONS http://a/hello", 204U)}) {
        client.send(std::string(line) + " HTTP/1.1\r\nHost: a\r\n\r\n");
        BOOST_TEST(client.receive().status == status, line);
    }
}

BOOST_AUTO_TEST_CASE(trailing_slash_is_tolerated) {
    test_server server;
    auto client = server.connect();
    BOOST_TEST(client.request("GET", "/hello/").body == "hello");
    BOOST_TEST(client.request("GET", "/hello//").status == 404U);
    BOOST_TEST(client.request("GET", "//hello").status == 404U);
}

BOOST_AUTO_TEST_CASE(other_methods_are_405_with_allow) {
    test_server server;
    auto client = server.connect();
    const auto answer = client.request("DELETE", "/things/1");
    BOOST_TEST(answer.status == 405U);
    BOOST_TEST(answer.header("Allow") == "GET, HEAD, PUT, OPTIONS");
    const auto options = client.request("OPTIONS", "/things/1");
    BOOST_TEST(options.status == 204U);
    BOOST_TEST(options.header("Allow") == "GET, HEAD, PUT, OPTIONS");
    BOOST_TEST(!options.has_header("Content-Length"));
    BOOST_TEST(client.request("OPTIONS", "*").header("Allow") == "OPTIONS");
    BOOST_TEST(client.request("OPTIONS", "/nothing").status == 404U);
}

BOOST_AUTO_TEST_CASE(paths_are_decoded_once_and_cannot_leave_their_folder) {
    test_server server;
    auto client = server.connect();
    BOOST_TEST(client.request("GET", "/things/a%20b%2Bc").body == "a b+c");
    BOOST_TEST(client.request("GET", "/rest/%252e%252e").body == "%2e%2e");
    BOOST_TEST(client.request("GET", "/rest/%252e%252e%252fetc").body == "%2e%2e%2fetc");
    BOOST_TEST(client.request("GET", "/rest/a/..b/c.").body == "a/..b/c.");
    for (const auto* target :
         {"/rest/../hello", "/rest/./hello", "/rest/..", "/rest/%2e%2e/hello", "/rest/%2E./hello",
          "/rest/..%2fhello", "/rest/%2e%2e%2fhello", "/rest/a%2fb", "/rest/%00", "/rest/a%0ab",
          "/rest/%zz", "/rest/%2", "/rest/%", "/rest/%ff", "/rest/%c0%ae%c0%ae", "/rest/a#b",
          "/rest/%7f"}) {
        BOOST_TEST(client.request("GET", target).status == 400U, target);
    }
}

BOOST_AUTO_TEST_CASE(an_exception_is_a_500_that_tells_nothing) {
    test_server server;
    auto client = server.connect();
    const auto answer = client.request("GET", "/throw");
    BOOST_TEST(answer.status == 500U);
    BOOST_TEST(answer.body.find("secret") == std::string::npos);
    BOOST_TEST(client.request("GET", "/hello").status == 200U);
}

BOOST_AUTO_TEST_CASE(an_exception_can_be_translated) {
    server_options options;
    options.translate_exception = [](const std::exception_ptr&) {
        response answer;
        answer.code = status::service_unavailable;
        return std::optional<response>(std::move(answer));
    };
    test_server server(options);
    BOOST_TEST(server.connect().request("GET", "/throw").status == 503U);
}

BOOST_AUTO_TEST_CASE(problems_are_what_rfc_9457_says) {
    test_server server;
    const auto answer = server.connect().request("GET", "/nothing");
    const auto body = nlohmann::json::parse(answer.body);
    BOOST_TEST(body.at("type").get<std::string>() == "about:blank");
    BOOST_TEST(body.at("title").get<std::string>() == "Not Found");
    BOOST_TEST(body.at("status").get<int>() == 404);
    BOOST_TEST(body.at("error") == body.at("detail"));
    BOOST_TEST(body.at("errors").empty());
}

/// What is quoted may hold anything; the answer is JSON that says the same.
BOOST_AUTO_TEST_CASE(problems_quote_everything) {
    const std::string odd = "\"\\/\b\f\n\r\t\x01\x1f\x7f \xc3\xa4 \xf0\x9f\x98\x80";
    const auto answer = problem_with(status::conflict, odd, "pl\"an", R"({"a":1})",
                                     {{odd, "taken", odd}, {"", "too_long", ""}});
    const auto body = nlohmann::json::parse(std::get<std::string>(answer.body));
    BOOST_TEST(body.at("detail").get<std::string>() == odd);
    BOOST_TEST(body.at("error").get<std::string>() == odd);
    BOOST_TEST(body.at("title").get<std::string>() == "Conflict");
    BOOST_TEST(body.at("status").get<int>() == 409);
    BOOST_TEST(body.at("pl\"an").at("a").get<int>() == 1);
    BOOST_TEST(body.at("errors").size() == 2U);
    BOOST_TEST(body.at("errors").at(0).at("field").get<std::string>() == odd);
    BOOST_TEST(body.at("errors").at(0).at("code").get<std::string>() == "taken");
    BOOST_TEST(body.at("errors").at(0).at("message").get<std::string>() == odd);
    BOOST_TEST(body.at("errors").at(1).at("field").get<std::string>() == "");
    const auto invalid = problem(status::bad_request, "a\xff z\xc3");
    BOOST_TEST(nlohmann::json::parse(std::get<std::string>(invalid.body))
                   .at("detail")
                   .get<std::string>() == "a\xef\xbf\xbd z\xef\xbf\xbd");
}

BOOST_AUTO_TEST_CASE(a_large_answer_to_a_slow_reader_arrives_whole) {
    test_server server;
    auto client = server.connect();
    client.send(get("/big") + get("/hello"));
    BOOST_TEST((client.receive().body == big_body()));
    BOOST_TEST(client.receive().body == "hello");
}

BOOST_AUTO_TEST_CASE(cross_origin_answers_are_off_unless_configured) {
    test_server server;
    auto client = server.connect();
    const auto answer = client.request("GET", "/hello", {{"Origin", "https://app.example"}});
    BOOST_TEST(!answer.has_header("Access-Control-Allow-Origin"));
    BOOST_TEST(!answer.has_header("Vary"));
}

BOOST_AUTO_TEST_CASE(cross_origin_answers_for_configured_origins) {
    test_server server({}, {.origins = {"https://app.example"}});
    auto client = server.connect();
    const auto answer = client.request("GET", "/hello", {{"Origin", "https://app.example"}});
    BOOST_TEST(answer.header("Access-Control-Allow-Origin") == "https://app.example");
    for (const auto* field : {"ETag", "Content-Range", "Accept-Ranges", "Allow", "Retry-After",
                              "WWW-Authenticate", "X-Request-Id", "Location"}) {
        BOOST_TEST(answer.header("Access-Control-Expose-Headers").contains(field), field);
    }
    BOOST_TEST(answer.header("Vary") == "Origin");

    for (const auto* target : {"/throw", "/nothing", "/%zz"}) {
        const auto failed = client.request("GET", target, {{"Origin", "https://app.example"}});
        BOOST_TEST(failed.header("Access-Control-Allow-Origin") == "https://app.example", target);
        BOOST_TEST(failed.header("Vary") == "Origin", target);
    }

    const auto preflight = client.request(
        "OPTIONS", "/things/1",
        {{"Origin", "https://app.example"}, {"Access-Control-Request-Method", "PUT"}});
    BOOST_TEST(preflight.status == 204U);
    BOOST_TEST(preflight.header("Access-Control-Allow-Methods").find("PUT") != std::string::npos);
    for (const auto* field :
         {"Idempotency-Key", "If-Match", " Range", "If-Range", "X-Request-Id", "Authorization"}) {
        BOOST_TEST(preflight.header("Access-Control-Allow-Headers").contains(field), field);
    }

    const auto other = client.request("GET", "/hello", {{"Origin", "https://evil.example"}});
    BOOST_TEST(!other.has_header("Access-Control-Allow-Origin"));
    BOOST_TEST(other.header("Vary") == "Origin");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
