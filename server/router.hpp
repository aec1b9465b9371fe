// Finds the handler for a method and a path.
//
// Patterns are made of segments: literal text, `{name}` for any one segment, and as the last one
// `{name...}` for all the rest. A literal beats a parameter, a parameter beats a rest, segment by
// segment; the most specific pattern with the path decides, whatever the method. One trailing slash
// in the path is tolerated. A path that no pattern knows is 404, a known one with another method
// 405 with `Allow`; HEAD is served by GET's handler, OPTIONS by the router. It also applies the
// cross-origin policy, since that needs the same knowledge.
//
// Thread-safety: immutable once made; shared by all io threads. Blocking: never.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/request.hpp"
#include "server/response.hpp"

namespace pinhole::http {

using handler = std::function<boost::asio::awaitable<response>(request&)>;

struct route {
    verb method;
    std::string pattern;  ///< "/api/v1/posts/{id}/like"
    handler handle;
};

/// Origins that browsers may call from, as they send them ("https://app.example"); "*" alone means
/// any. Empty: no cross-origin answers at all.
struct cors_policy {
    std::vector<std::string> origins;
};

class router {
public:
    /// Requires: patterns are well-formed and no method and pattern stands twice
    /// (throws std::invalid_argument naming the route: a mistake in the program's own table).
    explicit router(std::vector<route> routes, cors_policy cors = {});
    router(router&&) noexcept;
    router& operator=(router&&) noexcept;
    ~router();

    /// Runs the handler that matches, or answers itself. What handlers throw passes through.
    boost::asio::awaitable<response> dispatch(request& request) const;

    /// The patterns of all routes, each once, by `request_log::route_number`; the first stands for
    /// requests that no pattern matches.
    const std::vector<std::string>& patterns() const { return patterns_; }

    /// For answers that did not come from `dispatch`: adds what the cross-origin policy asks for,
    /// without which a browser's script can't read so much as an error.
    void apply_cors(const request& request, response& answer) const;

private:
    struct node;

    const node* find(request& request) const;
    response answer_options(const request& request, const node* found) const;
    bool allows_origin(std::string_view origin) const;

    std::unique_ptr<node> root_;
    std::vector<std::string> patterns_;
    cors_policy cors_;
};

}  // namespace pinhole::http
