// Who a client is, by address: what counts as one, and what proxies say about it.
//
// Thread-safety: pure functions, and a value that does not change. Blocking: never.
#pragma once

#include <array>
#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/request.hpp"

namespace pinhole::http {

/// An IPv4 address that came in the shape of IPv6 (`::ffff:192.0.2.1`), as it does to a socket that
/// listens on `[::]`, becomes what it is.
boost::asio::ip::address unmapped(const boost::asio::ip::address& address);

/// What is limited as one client: the IPv4 address, or the /64 of IPv6, which is one customer's.
boost::asio::ip::address client_network(const boost::asio::ip::address& address);

/// Networks whose word about a client's address is taken.
class trusted_proxies {
public:
    trusted_proxies() = default;

    /// Addresses or networks (`10.0.0.0/8`, `2001:db8::/32`), separated by commas; may be empty.
    /// Errors: the first item that is neither.
    static std::expected<trusted_proxies, std::string> parse(std::string_view list);

    bool empty() const { return networks_.empty(); }
    bool contains(const boost::asio::ip::address& address) const;

    /// The client of a request that came from `peer`. If that is a trusted proxy, the rightmost
    /// address in X-Forwarded-For that is not one: what stands left of it the client may have made
    /// up. Reading ends at what is no address; then the last good one counts.
    boost::asio::ip::address client_of(const boost::asio::ip::address& peer,
                                       std::span<const header_view> fields) const;

private:
    using address_bytes = std::array<std::uint8_t, 16>;

    /// IPv4 in the shape of IPv6, so that one comparison serves both.
    struct network {
        address_bytes bytes{};
        unsigned prefix_bits = 0;
    };

    static address_bytes to_bytes(const boost::asio::ip::address& address);
    static std::expected<network, std::string> parse_network(std::string_view text);

    std::vector<network> networks_;
};

}  // namespace pinhole::http
