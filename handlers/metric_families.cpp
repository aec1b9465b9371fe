#include "handlers/metric_families.hpp"

#include <utility>

namespace pinhole::handlers {

namespace {

constexpr double microseconds_per_second = 1e6;

double to_seconds(std::uint64_t microseconds) {
    return static_cast<double>(microseconds) / microseconds_per_second;
}

prometheus::ClientMetric::Histogram to_histogram(const http::route_statistics& route) {
    prometheus::ClientMetric::Histogram histogram;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < http::latency_bounds_us.size(); ++i) {
        count += route.latencies[i];
        histogram.bucket.push_back(
            {.cumulative_count = count, .upper_bound = to_seconds(http::latency_bounds_us[i])});
    }
    // The serializer adds the bucket without a bound from this.
    histogram.sample_count = count + route.latencies.back();
    histogram.sample_sum = to_seconds(route.latency_sum_us);
    return histogram;
}

}  // namespace

family::family(prometheus::MetricType type, std::string name, std::string help) {
    made_.type = type;
    made_.name = std::move(name);
    made_.help = std::move(help);
}

family& family::add(double value, labels of) {
    auto& metric = made_.metric.emplace_back();
    for (const auto& [name, text] : of) {
        metric.label.push_back({std::string{name}, std::string{text}});
    }
    if (made_.type == prometheus::MetricType::Counter) {
        metric.counter.value = value;
    } else {
        metric.gauge.value = value;
    }
    return *this;
}

family& family::add(const prometheus::ClientMetric::Histogram& histogram, labels of) {
    add(0.0, of);
    made_.metric.back().histogram = histogram;
    return *this;
}

family counter_family(std::string name, std::string help) {
    return {prometheus::MetricType::Counter, std::move(name), std::move(help)};
}

family gauge_family(std::string name, std::string help) {
    return {prometheus::MetricType::Gauge, std::move(name), std::move(help)};
}

void append_http_families(families& out, const http::server_statistics& server) {
    auto requests = counter_family("pinhole_http_requests_total", "Requests answered");
    family durations{prometheus::MetricType::Histogram, "pinhole_http_request_duration_seconds",
                     "Time from the whole header of a request until its answer was sent"};
    for (const auto& each : server.routes) {
        for (const auto& [status, count] : each.statuses) {
            requests.add(count, {{"route", each.route},
                                 {"method", each.method},
                                 {"status", status == 0 ? "other" : std::to_string(status)}});
        }
        durations.add(to_histogram(each), {{"route", each.route}, {"method", each.method}});
    }
    out.push_back(requests.take());
    out.push_back(durations.take());
    out.push_back(gauge_family("pinhole_http_requests_in_flight", "Requests being served")
                      .add(server.requests_in_flight)
                      .take());
    auto refused = counter_family(
        "pinhole_http_refused_requests_total",
        "Requests that the server itself did not serve, or not to their end, by reason");
    for (std::size_t i = 0; i < http::refused_count; ++i) {
        refused.add(server.refused[i],
                    {{"reason", http::to_string(static_cast<http::refused>(i))}});
    }
    out.push_back(refused.take());
    out.push_back(counter_family("pinhole_http_received_bytes_total",
                                 "Bytes received from clients, headers included")
                      .add(server.received_bytes)
                      .take());
    out.push_back(
        counter_family("pinhole_http_sent_bytes_total", "Bytes sent to clients, headers included")
            .add(server.sent_bytes)
            .take());
    out.push_back(gauge_family("pinhole_http_connections", "Open connections")
                      .add(server.connections_open)
                      .take());
    out.push_back(gauge_family("pinhole_http_connections_max", "Connections that may be open")
                      .add(server.connections_max)
                      .take());
    out.push_back(counter_family("pinhole_http_connections_admitted_total", "Connections admitted")
                      .add(server.connections_admitted)
                      .take());
    out.push_back(counter_family("pinhole_http_connections_closed_for_room_total",
                                 "Idle connections closed because others wanted in")
                      .add(server.connections_closed_for_room)
                      .take());
    out.push_back(counter_family("pinhole_http_connections_turned_away_total",
                                 "Connections answered 503 at once: too many in all, or from one "
                                 "address")
                      .add(server.turned_away_full, {{"reason", "full"}})
                      .add(server.turned_away_address, {{"reason", "address_full"}})
                      .take());
}

void append_pool_families(families& out, std::span<const http::pool_statistics> pools) {
    auto threads = gauge_family("pinhole_pool_threads", "Threads of a pool");
    auto busy = gauge_family("pinhole_pool_busy_threads", "Threads of a pool that work");
    auto queued = gauge_family("pinhole_pool_queued_tasks", "Tasks that wait for a thread");
    auto room = gauge_family("pinhole_pool_queue_max_tasks", "Tasks that may wait");
    auto done = counter_family("pinhole_pool_tasks_total", "Tasks done");
    auto refused =
        counter_family("pinhole_pool_refused_tasks_total", "Tasks refused because too many waited");
    for (const auto& pool : pools) {
        const label name{"pool", pool.name};
        threads.add(std::uint64_t{pool.threads}, {name});
        busy.add(std::uint64_t{pool.busy}, {name});
        queued.add(std::uint64_t{pool.queued}, {name});
        room.add(std::uint64_t{pool.queue_max}, {name});
        done.add(pool.done, {name});
        refused.add(pool.refused, {name});
    }
    for (auto* made : {&threads, &busy, &queued, &room, &done, &refused}) {
        out.push_back(made->take());
    }
}

void append_api_families(families& out, api& api) {
    out.push_back(counter_family("pinhole_rate_limited_total", "Answers 429, by what was used up")
                      .add(api.logins().refused(), {{"limit", "logins"}})
                      .add(api.signups().refused(), {{"limit", "signups"}})
                      .add(api.writes().refused(), {{"limit", "writes"}})
                      .add(api.client_writes().refused(), {{"limit", "client_writes"}})
                      .add(api.guesses().refused(), {{"limit", "guesses"}})
                      .take());
    const auto logins = api.known_logins().statistics();
    out.push_back(gauge_family("pinhole_login_cache_tokens", "Logins remembered in memory")
                      .add(std::uint64_t{logins.tokens})
                      .take());
    out.push_back(counter_family("pinhole_login_cache_lookups_total",
                                 "Requests whose login was looked for there")
                      .add(logins.hits, {{"result", "hit"}})
                      .add(logins.misses, {{"result", "miss"}})
                      .take());
}

}  // namespace pinhole::handlers
