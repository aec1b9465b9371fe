// One HTTP request as a handler sees it: the header parsed, checked and decoded, the body still on
// its way.
//
// Views point into the connection's buffer and stay valid until the handler has returned.
// Thread-safety: belongs to the connection's io thread. Blocking: never.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <boost/beast/http/verb.hpp>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/body_reader.hpp"

namespace pinhole::http {

using verb = boost::beast::http::verb;

/// A header field where it lies in the connection's buffer.
struct header_view {
    std::string_view name;
    std::string_view value;
};

/// What the log line tells besides what the server itself sees.
struct request_log {
    std::string_view route;        ///< the pattern that matched, never the path; set by the router
    std::size_t route_number = 0;  ///< of the pattern, see router::patterns
    std::string user_id;           ///< set by whoever knows the caller
};

using query_parameters = std::vector<std::pair<std::string, std::string>>;

struct request {
    verb method = verb::unknown;
    std::string_view target;  ///< as it was sent
    /// Percent-decoded once, valid UTF-8, without dot segments or NUL; starts with a slash, or is
    /// `*` for OPTIONS about the server as a whole.
    std::string path;
    query_parameters query;  ///< decoded, in order, duplicates kept
    std::span<const header_view> headers;
    std::string_view request_id;              ///< also the answer's X-Request-Id
    boost::asio::ip::address remote_address;  ///< the client's, as far as proxies are trusted
    std::vector<std::pair<std::string_view, std::string_view>> parameters;  ///< from the route

    explicit request(body_reader& body) : body_(&body) {}

    /// The first field of that name; empty if absent. If-Match and If-None-Match are whole lists,
    /// however many lines they came in. Requires: the name is in lower case.
    std::string_view header(std::string_view lower_case_name) const;
    /// Tells a field that is empty from none. Requires: as above.
    bool has_header(std::string_view lower_case_name) const;

    /// The part of the path that matched `{name}` in the route's pattern; empty if there is none.
    std::string_view parameter(std::string_view name) const;

    /// The first query value of that name; nullptr if absent.
    const std::string* query_value(std::string_view name) const;

    body_reader& body() { return *body_; }
    request_log& log() { return log_; }
    const request_log& log() const { return log_; }

private:
    const header_view* find_header(std::string_view lower_case_name) const;

    body_reader* body_;
    request_log log_;
};

}  // namespace pinhole::http
