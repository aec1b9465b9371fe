#include "server/client_address.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "server/text.hpp"

namespace pinhole::http {
namespace {

namespace ip = boost::asio::ip;

std::optional<ip::address> parse_address(std::string_view text) {
    boost::system::error_code ec;
    // A zone would name an interface of this machine, which is nobody's business outside.
    if (text.find('%') != std::string_view::npos) {
        return std::nullopt;
    }
    const auto address = ip::make_address(text, ec);
    return ec ? std::nullopt : std::optional(unmapped(address));
}

/// An entry of X-Forwarded-For; some proxies add the port.
std::optional<ip::address> parse_entry(std::string_view text) {
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        return end == std::string_view::npos ? std::nullopt
                                             : parse_address(text.substr(1, end - 1));
    }
    if (std::ranges::count(text, ':') == 1) {
        text = text.substr(0, text.find(':'));
    }
    return parse_address(text);
}

}  // namespace

ip::address unmapped(const ip::address& address) {
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return ip::make_address_v4(ip::v4_mapped, address.to_v6());
    }
    return address;
}

ip::address client_network(const ip::address& address) {
    auto plain = unmapped(address);
    if (plain.is_v4()) {
        return plain;
    }
    auto bytes = plain.to_v6().to_bytes();
    std::fill(bytes.begin() + 8, bytes.end(), std::uint8_t{0});
    return ip::address_v6(bytes);
}

trusted_proxies::address_bytes trusted_proxies::to_bytes(const ip::address& address) {
    return (address.is_v4() ? ip::make_address_v6(ip::v4_mapped, address.to_v4()) : address.to_v6())
        .to_bytes();
}

std::expected<trusted_proxies::network, std::string> trusted_proxies::parse_network(
    std::string_view text) {
    const auto failure = [text] { return std::unexpected(std::string(text)); };
    const auto slash = text.find('/');
    const auto address = parse_address(text.substr(0, slash));
    if (!address) {
        return failure();
    }
    const unsigned address_bits = address->is_v4() ? 32 : 128;
    unsigned prefix_bits = address_bits;
    if (slash != std::string_view::npos) {
        const auto digits = text.substr(slash + 1);
        const auto* end = digits.data() + digits.size();
        const auto [last, error] = std::from_chars(digits.data(), end, prefix_bits);
        const bool mapped = address->is_v4() && text.find(':') != std::string_view::npos;
        if (error != std::errc() || last != end || prefix_bits > address_bits || mapped) {
            return failure();
        }
    }
    return network{.bytes = to_bytes(*address), .prefix_bits = 128 - address_bits + prefix_bits};
}

std::expected<trusted_proxies, std::string> trusted_proxies::parse(std::string_view list) {
    trusted_proxies parsed;
    std::optional<std::string> wrong;
    for_each_list_item(list, [&](std::string_view item) {
        const auto network = parse_network(item);
        if (network) {
            parsed.networks_.push_back(*network);
        } else if (!wrong) {
            wrong = network.error();
        }
    });
    if (wrong) {
        return std::unexpected(*wrong);
    }
    return parsed;
}

bool trusted_proxies::contains(const ip::address& address) const {
    const auto bytes = to_bytes(address);
    return std::ranges::any_of(networks_, [&bytes](const network& trusted) {
        const unsigned whole = trusted.prefix_bits / 8;
        const unsigned rest = trusted.prefix_bits % 8;
        return std::equal(bytes.begin(), bytes.begin() + whole, trusted.bytes.begin()) &&
               (rest == 0 || (bytes[whole] ^ trusted.bytes[whole]) >> (8 - rest) == 0);
    });
}

ip::address trusted_proxies::client_of(const ip::address& peer,
                                       std::span<const header_view> fields) const {
    auto client = unmapped(peer);
    for (auto field = fields.rbegin(); field != fields.rend() && contains(client); ++field) {
        if (!equals_ignoring_case(field->name, "x-forwarded-for")) {
            continue;
        }
        // Several lines are one list, whose end is the last line's.
        auto list = field->value;
        for (bool more = true; more && contains(client);) {
            const auto comma = list.rfind(',');
            more = comma != std::string_view::npos;
            const auto entry = parse_entry(trim(list.substr(more ? comma + 1 : 0)));
            if (!entry) {
                return client;
            }
            client = *entry;
            list = list.substr(0, more ? comma : 0);
        }
    }
    return client;
}

}  // namespace pinhole::http
