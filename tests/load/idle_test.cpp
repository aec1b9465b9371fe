// Ten thousand connections that wait for their next request.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/load/load_fixture.hpp"

namespace pinhole::test {

namespace {

constexpr std::size_t wanted = 10'000;
/// What the server keeps of its descriptors for the database (see `affordable_connections`), and
/// how many it counts for a connection, which may come to send a file.
constexpr std::size_t descriptors_reserved = 512;
constexpr std::size_t descriptors_per_connection = 2;
/// Measured are about 7 KiB: a coroutine, its state, a buffer of 2 KiB.
constexpr std::size_t bytes_per_connection_max = std::size_t{16} * 1024;

}  // namespace

BOOST_AUTO_TEST_SUITE(idle_connections)

BOOST_AUTO_TEST_CASE(ten_thousand_are_held_and_served) {
    const std::size_t descriptors = raise_descriptor_limit();
    BOOST_TEST_REQUIRE(descriptors > descriptors_reserved + 1000);
    const std::size_t held =
        std::min(wanted, (descriptors - descriptors_reserved) / descriptors_per_connection);
    if (held < wanted) {
        BOOST_TEST_MESSAGE("reduced to " << held << " connections: the limit of open files is "
                                         << descriptors);
    }
    load_server server({"--idle-timeout", "10m"});
    BOOST_TEST(time_of_plain_request(server.port()) < plain_request_patience);
    const auto before = server.process().resident_bytes();
    std::vector<http_client> clients;
    clients.reserve(held);
    for (std::size_t i = 0; i < held; ++i) {
        clients.push_back(server.connect());
        BOOST_TEST_REQUIRE(clients.back().request("GET", "/healthz").status == 200U);
    }
    const auto after = server.process().resident_bytes();
    const auto bytes = (after - std::min(after, before)) / held;
    BOOST_TEST_MESSAGE(held << " idle connections, " << bytes << " bytes each");
    check_memory(bytes, bytes_per_connection_max);
    // None was closed to make room for another, and each is served again.
    for (http_client& client : clients) {
        client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
        BOOST_TEST_REQUIRE(client.receive().status == 200U);
    }
    clients.pop_back();
    BOOST_TEST(time_of_plain_request(server.port()) < plain_request_patience);
    clients.clear();
    server.check_stops();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
