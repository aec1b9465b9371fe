// Is the process alive; can it take writes. And what all handlers share.
#include "handlers/answers.hpp"
#include "handlers/handlers.hpp"

namespace pinhole::handlers {

awaitable<http::response> get_health(call&) {
    co_return http::response::json(http::status::ok, R"({"status":"alive"})");
}

awaitable<http::response> get_readiness(call& c) {
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

std::optional<storage::entity_id> path_id(const call& c) {
    return storage::parse_id(c.request.parameter("id"));
}

http::response secret_answer(http::status code, std::string json) {
    return http::response::json(code, std::move(json));
}

http::response no_id_answer(const call& c) {
    if (c.api.work().health() == kv::health::full) {
        return to_response(storage::error{
            storage::error_code::storage_full, "The disk is full. Reading still works.", {}});
    }
    return to_response(storage::error{
        storage::error_code::unavailable, "The server takes no writes now. Try again soon.", {}});
}

}  // namespace pinhole::handlers
