// How many connections there may be, in all and from one address.
#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/load/load_fixture.hpp"

namespace pinhole::test {

namespace {

/// A connection that the server may not close in favour of another: a request is under way on it.
http_client begin_login(std::uint16_t port, const std::string& address = "127.0.0.1") {
    http_client client(port, default_patience, address);
    client.send(
        "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST_REQUIRE(client.receive().status == 100U);
    return client;
}

void check_turned_away(http_client& client) {
    const auto answer = client.receive();
    check_problem(answer, 503);
    BOOST_TEST(std::stoi(answer.header("Retry-After")) >= 1);
    BOOST_TEST(client.receive_until_closed(true) == "");
}

/// Whether there is room for another one.
bool is_served(std::uint16_t port) {
    try {
        return http_client(port).request("GET", "/healthz").status == 200;
    } catch (const http_failure&) {
        return false;  // turned away while it was still sending
    }
}

boost::test_tools::assertion_result has_own_address(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result can(!own_address().empty());
    can.message() << "this machine has no address but the loopback's, which is not limited";
    return can;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(caps)

BOOST_AUTO_TEST_CASE(connections_in_all) {
    constexpr std::size_t most = 40;
    load_server server({"--connections-max", std::to_string(most)});
    std::vector<http_client> busy;
    busy.reserve(most);
    while (busy.size() < most) {
        busy.push_back(begin_login(server.port()));
    }
    for (int i = 0; i < 100; ++i) {
        auto late = server.connect();
        check_turned_away(late);
    }
    busy.back().send("{}");
    BOOST_TEST(busy.back().receive().status == 422U);  // and its connection idles
    // Once it has idled for a second.
    BOOST_TEST(eventually([&] { return is_served(server.port()); }));
    BOOST_TEST(busy.back().receive_until_closed() == "");
    busy.clear();  // or the server would wait for the rest of their requests
    server.check_stops();
}

BOOST_AUTO_TEST_CASE(connections_from_one_address,
                     *boost::unit_test::precondition(has_own_address)) {
    const std::string address = own_address();
    load_server server({"--connections-per-address-max", "5"}, address + ":0");
    const std::size_t listening = open_sockets(server.process().pid());
    std::vector<http_client> busy;
    busy.reserve(5);
    while (busy.size() < 5) {
        busy.push_back(begin_login(server.port(), address));
    }
    http_client late(server.port(), default_patience, address);
    check_turned_away(late);
    busy.pop_back();
    BOOST_TEST(eventually(
        [&] { return open_sockets(server.process().pid()) == listening + busy.size(); }));
    http_client next(server.port(), default_patience, address);
    BOOST_TEST(next.request("GET", "/healthz").status == 200U);
    busy.clear();
    server.check_stops();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
