#include "server/request_metrics.hpp"

#include <algorithm>

namespace pinhole::http {
namespace {

using boost::beast::http::verb;

/// The last stands for all that no route may have.
constexpr std::array<std::string_view, 8> method_names{"GET",   "HEAD",   "POST",    "PUT",
                                                       "PATCH", "DELETE", "OPTIONS", "OTHER"};

std::size_t index_of(verb method) {
    switch (method) {
        case verb::get:
            return 0;
        case verb::head:
            return 1;
        case verb::post:
            return 2;
        case verb::put:
            return 3;
        case verb::patch:
            return 4;
        case verb::delete_:
            return 5;
        case verb::options:
            return 6;
        default:
            return 7;
    }
}

/// What the program answers with; the first stands for all others.
constexpr std::array<unsigned, 36> known_statuses{
    0,   200, 201, 202, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 405, 406, 408, 409,
    410, 411, 412, 413, 414, 415, 416, 417, 422, 428, 429, 431, 499, 500, 501, 503, 505, 507};

constexpr unsigned status_max = 599;

constexpr auto status_indexes = [] {
    std::array<std::uint8_t, status_max + 1> indexes{};
    for (std::size_t i = 1; i < known_statuses.size(); ++i) {
        indexes[known_statuses[i]] = static_cast<std::uint8_t>(i);
    }
    return indexes;
}();

std::size_t index_of(unsigned status) {
    return status <= status_max ? status_indexes[status] : 0;
}

}  // namespace

std::string_view to_string(refused reason) {
    switch (reason) {
        case refused::malformed:
            return "malformed";
        case refused::header_too_large:
            return "header_too_large";
        case refused::unsupported:
            return "unsupported";
        case refused::header_timeout:
            return "header_timeout";
        case refused::body_too_large:
            return "body_too_large";
        case refused::body_malformed:
            return "body_malformed";
        case refused::body_timeout:
            return "body_timeout";
        case refused::body_disconnected:
            return "body_disconnected";
        case refused::handler_timeout:
            return "handler_timeout";
        case refused::answer_timeout:
            break;
    }
    return "answer_timeout";
}

request_metrics::request_metrics(std::size_t routes) : cells_(routes * method_count) {
    static_assert(method_names.size() == method_count);
    static_assert(known_statuses.size() == status_count);
}

void request_metrics::count_answer(std::size_t route, verb method, unsigned status,
                                   std::chrono::microseconds taken) {
    auto& own = cells_[route * method_count + index_of(method)];
    const auto taken_us = static_cast<std::uint64_t>(std::max<std::int64_t>(taken.count(), 0));
    // Most are short: the first bounds are looked at first.
    std::size_t bucket = 0;
    while (bucket < latency_bounds_us.size() && taken_us > latency_bounds_us[bucket]) {
        ++bucket;
    }
    own.statuses[index_of(status)].add();
    own.latencies[bucket].add();
    own.latency_sum_us.add(taken_us);
}

route_statistics request_metrics::sum_cells(std::span<const request_metrics* const> threads,
                                            std::size_t at) {
    route_statistics sum;
    for (std::size_t status = 0; status < status_count; ++status) {
        std::uint64_t answers = 0;
        for (const auto* thread : threads) {
            answers += thread->cells_[at].statuses[status].read();
        }
        if (answers > 0) {
            sum.statuses.emplace_back(known_statuses[status], answers);
        }
    }
    for (const auto* thread : threads) {
        const auto& own = thread->cells_[at];
        for (std::size_t bucket = 0; bucket < own.latencies.size(); ++bucket) {
            sum.latencies[bucket] += own.latencies[bucket].read();
        }
        sum.latency_sum_us += own.latency_sum_us.read();
    }
    return sum;
}

void request_metrics::add_to(server_statistics& sum) const {
    sum.requests_in_flight += in_flight_.read();
    for (std::size_t reason = 0; reason < refused_count; ++reason) {
        sum.refused[reason] += refused_[reason].read();
    }
    sum.received_bytes += received_bytes.read();
    sum.sent_bytes += sent_bytes.read();
    sum.connections_admitted += connections_admitted.read();
    sum.connections_closed_for_room += connections_closed_for_room.read();
    sum.turned_away_full += turned_away_full.read();
    sum.turned_away_address += turned_away_address.read();
}

server_statistics request_metrics::sum(std::span<const request_metrics* const> threads,
                                       std::span<const std::string> patterns) {
    server_statistics sum;
    for (const auto* thread : threads) {
        thread->add_to(sum);
    }
    for (std::size_t route = 0; route < patterns.size(); ++route) {
        for (std::size_t method = 0; method < method_count; ++method) {
            auto of_both = sum_cells(threads, route * method_count + method);
            if (of_both.statuses.empty()) {
                continue;
            }
            of_both.route = patterns[route];
            of_both.method = method_names[method];
            sum.routes.push_back(std::move(of_both));
        }
    }
    return sum;
}

}  // namespace pinhole::http
