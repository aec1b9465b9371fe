// A server with an address for its metrics, and what stands there.
#pragma once

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/api/api_client.hpp"
#include "tests/metrics/exposition.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

struct watched_server {
    temporary_directory directory;
    std::filesystem::path data = directory.path() / "data";
    std::filesystem::path log = directory.path() / "log";
    std::unique_ptr<server_process> server;
    std::uint16_t port = 0;
    std::uint16_t admin_port = 0;

    void start(std::vector<std::string> arguments) {
        arguments.insert(arguments.end(), {"--data-dir", data.string(), "--listen", "127.0.0.1:0",
                                           "--admin-listen", "127.0.0.1:0"});
        server = std::make_unique<server_process>(arguments, log);
        port = server->wait_until_serving();
        admin_port = server->wait_until_watched();
    }
    void start() { start({"--rate-limits", "off"}); }
    void stop() {
        const process_end end = server->stop(SIGTERM);
        BOOST_TEST(end.exit_status == 0);
    }

    http_response ask_admin(const std::string& target) const {
        return http_client(admin_port).request("GET", target);
    }
    /// All metrics now; what is no well-formed answer is an exception.
    exposition scrape() const {
        const auto answer = ask_admin("/metrics");
        BOOST_TEST_REQUIRE(answer.status == 200U);
        return exposition(answer.body);
    }
    /// Metrics are counted behind the answer: waits until they are as they are to be.
    bool scraped(const std::function<bool(const exposition&)>& holds) const {
        return eventually([&] { return holds(scrape()); });
    }
    /// So many requests have been answered in all.
    bool answered(double requests) const {
        return scraped([&](const exposition& now) {
            return now.sum("pinhole_http_requests_total") == requests;
        });
    }
};

inline metric_labels request_labels(std::string_view method, std::string_view route,
                                    std::string_view status) {
    return {{"method", std::string(method)},
            {"route", std::string(route)},
            {"status", std::string(status)}};
}

}  // namespace pinhole::test
