// What /metrics is made of: a few words for building Prometheus' families, and the families of each
// part of the program. The types of prometheus-cpp stay in the files that include this one.
//
// Names, types and labels are a promise to whoever has made a dashboard of them: add, don't rename.
// Thread-safe. Never blocks.
#pragma once

#include <prometheus/metric_family.h>

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "handlers/api.hpp"
#include "server/blocking_pool.hpp"
#include "server/process_statistics.hpp"
#include "server/request_metrics.hpp"
#include "storage/figures.hpp"

namespace pinhole::handlers {

struct label {
    std::string_view name;
    std::string_view value;
};
using labels = std::initializer_list<label>;

/// A family while its values are added.
class family {
public:
    family(prometheus::MetricType type, std::string name, std::string help);

    family& add(double value, labels of = {});
    family& add(std::uint64_t value, labels of = {}) { return add(static_cast<double>(value), of); }
    family& add(const prometheus::ClientMetric::Histogram& histogram, labels of);

    prometheus::MetricFamily take() { return std::move(made_); }

private:
    prometheus::MetricFamily made_;
};

family counter_family(std::string name, std::string help);
family gauge_family(std::string name, std::string help);

using families = std::vector<prometheus::MetricFamily>;

void append_http_families(families& out, const http::server_statistics& server);
void append_pool_families(families& out, std::span<const http::pool_statistics> pools);
void append_api_families(families& out, api& api);
void append_health_families(families& out, const storage::database& database);
void append_store_families(families& out, const storage::database_figures& figures);
void append_process_families(families& out, const http::process_statistics& process);

}  // namespace pinhole::handlers
