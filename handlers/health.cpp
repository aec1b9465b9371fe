// Is the process alive; can it take writes.
#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"

namespace pinhole::handlers {

awaitable<http::response> get_health(call&) {
    co_return http::response::json(http::status::ok, R"({"status":"alive"})");
}

awaitable<http::response> get_readiness(call& c) {
    if (!storage::is_plausible(c.at)) {
        co_return http::problem(http::status::service_unavailable, clock_is_wrong);
    }
    switch (c.api.database().health()) {
        case kv::health::ok:
            co_return http::response::json(http::status::ok, R"({"status":"ready"})");
        case kv::health::full:
            co_return http::problem(http::status::service_unavailable,
                                    "The disk is full: reads work, writes do not.");
        case kv::health::failed:
            break;
    }
    co_return http::problem(http::status::service_unavailable, "Storage has failed.");
}

}  // namespace pinhole::handlers
