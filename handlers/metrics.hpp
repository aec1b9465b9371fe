// The numbers of a running server in Prometheus' text format, and the small router that gives them
// to whoever watches over it. It belongs on an address of its own, which no client reaches
// (--admin-listen): what it tells is nobody else's business.
//
// docs/operations.md lists every metric; a test compares.
// Thread-safe. Blocks: `text`, for some milliseconds on the disk, so that whoever calls it must be
// no io thread of the API's server.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "handlers/api.hpp"
#include "server/router.hpp"
#include "server/server.hpp"

namespace pinhole::handlers {

class metrics {
public:
    /// Of this API, and of the server that serves it. Both must outlive it.
    metrics(api& api, const http::server& server) : api_(api), server_(server) {}

    /// All of them now. What a failing store does not tell is left out, and the log says why.
    std::string text();

private:
    api& api_;
    const http::server& server_;
    std::atomic<std::uint64_t> failures_ = 0;
};

/// `/metrics`, and `/healthz` and `/readyz` as the API has them. Both must outlive the router.
std::vector<http::route> make_admin_routes(api& api, metrics& metrics);

}  // namespace pinhole::handlers
