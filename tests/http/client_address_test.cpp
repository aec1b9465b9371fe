#include "server/client_address.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

using boost::asio::ip::make_address;

BOOST_AUTO_TEST_SUITE(client_addresses)

BOOST_AUTO_TEST_CASE(what_counts_as_one_client) {
    const auto key = [](const char* text) {
        return client_network(make_address(text)).to_string();
    };
    BOOST_TEST(key("192.0.2.1") == "192.0.2.1");
    BOOST_TEST(key("::ffff:192.0.2.1") == "192.0.2.1");
    BOOST_TEST(key("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::");
    BOOST_TEST(key("::1") == "::");
    BOOST_TEST(unmapped(make_address("::ffff:127.0.0.1")).is_loopback());
    BOOST_TEST(unmapped(make_address("::1")).is_loopback());
}

BOOST_AUTO_TEST_CASE(networks) {
    const auto trusted =
        trusted_proxies::parse("192.0.2.7, 10.16.0.0/12,2001:db8:8000::/33, ::1").value();
    for (const auto* inside : {"192.0.2.7", "::ffff:192.0.2.7", "10.16.0.0", "10.31.255.255",
                               "2001:db8:ffff::1", "::1"}) {
        BOOST_TEST(trusted.contains(make_address(inside)), inside);
    }
    for (const auto* outside : {"192.0.2.8", "10.15.255.255", "10.32.0.0",
                                "2001:db8:7fff::", "2001:db9::", "::2", "127.0.0.1"}) {
        BOOST_TEST(!trusted.contains(make_address(outside)), outside);
    }
    BOOST_TEST(trusted_proxies::parse("0.0.0.0/0")->contains(make_address("203.0.113.9")));
    BOOST_TEST(!trusted_proxies::parse("0.0.0.0/0")->contains(make_address("2001:db8::1")));
    BOOST_TEST(trusted_proxies::parse("")->empty());
    BOOST_TEST(!trusted_proxies().contains(make_address("127.0.0.1")));
    for (const auto* wrong :
         {"nginx", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "10.0.0.0/-1", "10.0.0.0/8/8", "::/129",
          "::ffff:10.0.0.0/104", "[::1]", "10.0.0.1:80", "fe80::1%1", "10.0.0.1 10.0.0.2"}) {
        BOOST_TEST(!trusted_proxies::parse(wrong), wrong);
    }
}

/// The test's own client comes from 127.0.0.1.
std::string client_seen(const char* trusted, const test::header_list& headers) {
    server_options options;
    options.trusted_proxies = trusted_proxies::parse(trusted).value();
    test_server server(options);
    return server.connect().request("GET", "/client", headers).body;
}

BOOST_AUTO_TEST_CASE(nobody_is_believed_unless_configured) {
    BOOST_TEST(client_seen("", {{"X-Forwarded-For", "192.0.2.1"}}) == "127.0.0.1");
    BOOST_TEST(client_seen("10.0.0.0/8", {{"X-Forwarded-For", "192.0.2.1"}}) == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(a_trusted_proxy_names_the_client) {
    const auto seen = [](const std::string& list) {
        return client_seen("127.0.0.0/8, 10.0.0.0/8", {{"X-Forwarded-For", list}});
    };
    BOOST_TEST(client_seen("127.0.0.1", {}) == "127.0.0.1");
    BOOST_TEST(seen("192.0.2.1") == "192.0.2.1");
    BOOST_TEST(seen("2001:db8::1") == "2001:db8::1");
    BOOST_TEST(seen("::ffff:192.0.2.1") == "192.0.2.1");
    BOOST_TEST(seen("192.0.2.1:4711") == "192.0.2.1");
    BOOST_TEST(seen("[2001:db8::1]:4711") == "2001:db8::1");
    // Whatever the client wrote itself stands further left.
    BOOST_TEST(seen("198.51.100.1, 192.0.2.1") == "192.0.2.1");
    BOOST_TEST(seen("198.51.100.1, 192.0.2.1,10.1.1.1 , 10.2.2.2") == "192.0.2.1");
    BOOST_TEST(seen("10.1.1.1, 10.2.2.2") == "10.1.1.1");
    // Reading ends at what is no address.
    BOOST_TEST(seen("192.0.2.1, unknown, 10.2.2.2") == "10.2.2.2");
    BOOST_TEST(seen("192.0.2.1, , 10.2.2.2") == "10.2.2.2");
    BOOST_TEST(seen("192.0.2.1, _hidden") == "127.0.0.1");
    BOOST_TEST(seen("192.0.2.1,") == "127.0.0.1");
    BOOST_TEST(seen("") == "127.0.0.1");
}

BOOST_AUTO_TEST_CASE(several_lines_are_one_list) {
    BOOST_TEST(client_seen("127.0.0.1, 10.0.0.0/8", {{"X-Forwarded-For", "198.51.100.1"},
                                                     {"x-forwarded-for", "192.0.2.1, 10.1.1.1"},
                                                     {"X-Forwarded-For", "10.2.2.2"}}) ==
               "192.0.2.1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
