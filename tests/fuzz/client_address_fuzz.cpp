// X-Forwarded-For. Input: the trusted proxies in the first line, the peer's address in the second,
// then one line for each field of that name.
//
// Several lines are one list; nobody but a trusted proxy is believed; and what a client puts in
// front of the list changes nothing once somebody untrusted stands behind it.
#include <boost/asio/ip/address.hpp>
#include <vector>

#include "server/client_address.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace pinhole::fuzz {
namespace {

namespace ip = boost::asio::ip;

ip::address client_of(const http::trusted_proxies& trusted, const ip::address& peer,
                      const std::vector<std::string_view>& lists) {
    std::vector<http::header_view> fields;
    fields.reserve(lists.size() * 2);
    for (const auto list : lists) {
        fields.push_back({.name = "X-Forwarded-For", .value = list});
        fields.push_back({.name = "X-Other", .value = "10.0.0.1"});
    }
    return trusted.client_of(peer, fields);
}

}  // namespace

void check_input(std::string_view input) {
    const auto trusted = http::trusted_proxies::parse(take_line(input));
    boost::system::error_code bad_peer;
    const auto peer_line = take_line(input);
    const auto peer = ip::make_address(peer_line, bad_peer);
    if (!trusted || bad_peer) {
        return;
    }
    std::vector<std::string_view> lists;
    std::string joined;
    while (!input.empty()) {
        lists.push_back(take_line(input));
        joined += joined.empty() && lists.size() == 1 ? "" : ",";
        joined += lists.back();
    }
    const auto client = client_of(*trusted, peer, lists);
    require(http::unmapped(client) == client, "an IPv4 client is named as one");
    if (!trusted->contains(http::unmapped(peer))) {
        require(client == http::unmapped(peer), "only a trusted proxy is believed");
    }
    if (!lists.empty()) {
        require(client_of(*trusted, peer, {joined}) == client, "several lines are one list");
    }
    if (!trusted->contains(client)) {
        const std::string forged = "203.0.113.99, " + joined;
        require(lists.empty() || client_of(*trusted, peer, {forged}) == client,
                "what the client says of itself changes nothing");
    }
    const auto network = http::client_network(client);
    require(http::client_network(network) == network, "a network is its own");
}

}  // namespace pinhole::fuzz
