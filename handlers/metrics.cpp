#include "handlers/metrics.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <exception>

#include "handlers/dispatch.hpp"
#include "handlers/metric_families.hpp"

namespace pinhole::handlers {

namespace {

/// Prometheus' text format.
constexpr const char* content_type = "text/plain; version=0.0.4; charset=utf-8";

constexpr std::array<std::string_view, 2> health_patterns{"/healthz", "/readyz"};

awaitable<http::response> get_metrics(metrics& source) {
    http::response answer;
    answer.set("Content-Type", content_type);
    answer.set("Cache-Control", "no-store");
    answer.body = source.text();
    co_return answer;
}

}  // namespace

std::string metrics::text() {
    families all;
    append_http_families(all, server_.statistics());
    const std::array pools{api_.hash_pool().statistics(),   api_.media_pool().statistics(),
                           api_.upload_pool().statistics(), api_.placement_pool().statistics(),
                           api_.read_pool().statistics(),   api_.verify_pool().statistics(),
                           server_.file_pool().statistics()};
    append_pool_families(all, pools);
    append_api_families(all, api_);
    append_health_families(all, api_.database());
    try {
        append_store_families(all, storage::read_figures(api_.database()));
    } catch (const std::exception& failure) {
        // What else there is to see is wanted most just then.
        ++failures_;
        api_.log().warning("the store does not tell its numbers", {{"what", failure.what()}});
    }
    append_process_families(all, http::read_process_statistics());
    all.push_back(
        counter_family("pinhole_metrics_failures_total",
                       "Times that the store's numbers could not be had and were left out")
            .add(failures_)
            .take());
    return prometheus::TextSerializer{}.Serialize(all);
}

std::vector<http::route> make_admin_routes(api& api, metrics& metrics) {
    std::vector<http::route> made;
    made.push_back({http::verb::get, "/metrics",
                    [&metrics](http::request& /*request*/) { return get_metrics(metrics); }});
    for (const route_spec& spec : route_table()) {
        if (std::ranges::find(health_patterns, spec.pattern) != health_patterns.end()) {
            made.push_back(to_route(api, spec));
        }
    }
    return made;
}

}  // namespace pinhole::handlers
