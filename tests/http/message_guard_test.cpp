// The guard's functions by themselves; what the server makes of them is in framing_test.cpp.
#include "server/message_guard.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "server/message_parser.hpp"

namespace pinhole::http {
namespace {

BOOST_AUTO_TEST_SUITE(message_guard)

BOOST_AUTO_TEST_CASE(the_end_of_a_header_is_found_at_every_split) {
    const std::string header = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for (std::size_t split = 0; split <= header.size(); ++split) {
        header_scanner scanner;
        const auto early = scanner.scan(std::string_view(header).substr(0, split));
        BOOST_REQUIRE(early.has_value());
        BOOST_TEST(*early == (split == header.size() ? header.size() : 0));
        BOOST_TEST(scanner.request_line_complete() == (split >= 16));
        if (split < header.size()) {
            BOOST_TEST(scanner.scan(header + "body\n").value() == header.size());
        }
    }
}

BOOST_AUTO_TEST_CASE(every_control_byte_is_refused_everywhere) {
    const std::string header = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    BOOST_TEST(!check_header_bytes(header, 100));
    for (std::size_t at = 0; at < header.size(); ++at) {
        for (int byte = 0; byte < 256; ++byte) {
            const bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
            const auto c = static_cast<char>(byte);
            if (!control || c == header[at]) {
                continue;
            }
            auto damaged = header;
            damaged[at] = c;
            BOOST_TEST(check_header_bytes(damaged, 100).has_value(), at << " " << byte);
        }
    }
}

BOOST_AUTO_TEST_CASE(framing_of_good_messages) {
    const auto check = [](std::vector<header_view> fields, unsigned version = 11) {
        fields.push_back({"Host", "a"});
        return check_message({.method = verb::post, .target = "/", .version = version}, fields);
    };
    BOOST_TEST(check({})->keep_alive);
    BOOST_TEST(!check({}, 10)->keep_alive);
    BOOST_TEST(check({{"connection", "Keep-Alive"}}, 10)->keep_alive);
    BOOST_TEST(!check({{"Connection", "x, CLOSE"}})->keep_alive);
    BOOST_TEST(!check({{"Connection", "keep-alive, close"}})->keep_alive);
    BOOST_TEST(check({{"Content-Length", "18446744073709551615"}})->content_length == UINT64_MAX);
    BOOST_TEST((check({{"Content-Length", "0"}})->body == body_framing::none));
    BOOST_TEST(check({{"Content-Length", "007"}})->content_length == 7U);
    BOOST_TEST((check({{"Transfer-Encoding", "chunked"}})->body == body_framing::chunked));
    BOOST_TEST(check({{"Content-Length", "1"}, {"Expect", "100-Continue"}})->expects_continue);
    BOOST_TEST(!check({{"Expect", "100-continue"}})->expects_continue);
    BOOST_TEST(!check({{"Content-Length", "1"}, {"Expect", "100-continue"}}, 10)->expects_continue);
}

/// Of two values, a proxy may have looked at the other one.
BOOST_AUTO_TEST_CASE(fields_of_one_value_come_once) {
    for (const auto* name :
         {"Authorization", "IDEMPOTENCY-KEY", "Content-Type", "Range", "If-Range"}) {
        std::vector<header_view> fields{{"Host", "a"}, {name, "x"}};
        const message_line line{.method = verb::post, .target = "/", .version = 11};
        BOOST_TEST(check_message(line, fields).has_value());
        fields.push_back({"Accept", "x"});
        fields.push_back({name, "x"});
        const auto checked = check_message(line, fields);
        BOOST_REQUIRE(!checked.has_value());
        BOOST_TEST((checked.error().code == status::bad_request));
    }
}

BOOST_AUTO_TEST_CASE(what_routing_sees_of_a_target) {
    const auto seen = [](std::string_view target) { return origin_form(verb::get, target); };
    BOOST_TEST(seen("/a?b") == "/a?b");
    BOOST_TEST(seen("http://a") == "/");
    BOOST_TEST(seen("http://a?b=/c") == "?b=/c");
    BOOST_TEST(seen("HTTP://a:80/b/c?d") == "/b/c?d");
    BOOST_TEST(seen("https://a/b") == "/b");
    BOOST_TEST(origin_form(verb::options, "*") == "*");
    BOOST_TEST(origin_form(verb::options, "http://a") == "*");
    BOOST_TEST(origin_form(verb::options, "http://a/") == "/");
    BOOST_TEST(origin_form(verb::options, "http://a?b") == "?b");
}

/// Random header bytes never get past guard and parser with a field that holds a line break.
BOOST_AUTO_TEST_CASE(random_damage_never_yields_a_field_with_control_bytes) {
    const std::string whole =
        "POST /a/b?c=d HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10\r\nX-Y: z\r\n\r\n";
    unsigned seed = 1;
    const auto next = [&seed] { return seed = seed * 1664525U + 1013904223U, seed >> 8; };
    int served = 0;
    for (int round = 0; round < 50'000; ++round) {
        auto header = whole;
        header[next() % (header.size() - 4)] = static_cast<char>(next());
        header_scanner scanner;
        const auto scanned = scanner.scan(header);
        if (!scanned || *scanned != header.size() || check_header_bytes(header, 8192)) {
            continue;
        }
        message_parser parser;
        const auto line = parser.parse_header(header);
        if (!line || !check_message(*line, parser.fields())) {
            continue;
        }
        ++served;
        for (const auto& field : parser.fields()) {
            BOOST_REQUIRE(field.value.find_first_of("\r\n") == std::string_view::npos);
            BOOST_REQUIRE(field.name.find_first_of(" \t\r\n:") == std::string_view::npos);
        }
    }
    BOOST_TEST(served > 1000);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
