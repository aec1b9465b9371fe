// A data directory, with or without a server on it, and short words for what tests do to it.
#pragma once

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/admin/admin_process.hpp"
#include "tests/api/api_client.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

struct admin_fixture {
    temporary_directory directory;
    std::filesystem::path data = directory.path() / "data folder";  // with a space, as people have
    std::filesystem::path log = directory.path() / "log";
    std::unique_ptr<server_process> server;
    std::uint16_t port = 0;

    void start() {
        server = std::make_unique<server_process>(serve_arguments(data), log);
        port = server->wait_until_serving();
    }
    void stop() {
        const process_end end = server->stop(SIGTERM);
        BOOST_TEST(end.exit_status == 0);
        server.reset();
    }
    /// A database with nothing in it.
    void make_empty() {
        start();
        stop();
    }

    admin_end admin(std::vector<std::string> word, std::string_view input = {}) const {
        return run_admin(on(data, std::move(word)), input);
    }
    /// It must succeed. What it printed.
    std::string must(std::vector<std::string> word, std::string_view input = {}) const {
        const admin_end end = admin(std::move(word), input);
        BOOST_REQUIRE_MESSAGE(end.exit_status == 0, end.err);
        return end.out;
    }
    json must_json(std::vector<std::string> word, std::string_view input = {}) const {
        word.insert(word.begin(), "--json");
        return json::parse(must(std::move(word), input));
    }
    /// It must end so, and say this.
    void check_end(std::vector<std::string> word, int status, std::string_view says,
                   std::string_view input = {}) const {
        const admin_end end = admin(std::move(word), input);
        BOOST_TEST(end.exit_status == status);
        BOOST_TEST(end.err.contains(says), end.err << " does not say: " << says);
    }
};

/// The status of a login with this password.
inline unsigned try_login(api_client& client, std::string_view username,
                          std::string_view password) {
    return client.post("/api/v1/auth/login", json{{"username", username}, {"password", password}})
        .status;
}

}  // namespace pinhole::test
