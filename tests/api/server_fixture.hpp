// The server in this process: real sockets, a real database in a temporary directory, put together
// as server/main.cpp does it, without rate limits unless a test asks for them.
//
// For the test's own thread.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "handlers/api.hpp"
#include "tests/api/api_client.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

handlers::api_options without_rate_limits();

class api_server {
public:
    explicit api_server(const handlers::api_options& options = without_rate_limits());
    api_server(const api_server&) = delete;
    api_server& operator=(const api_server&) = delete;
    ~api_server();

    /// Stops and opens the same data again, on another port.
    void restart();

    std::uint16_t port() const;
    api_client connect() const { return api_client(port()); }
    api_client sign_up(std::string_view prefix = "user") const {
        return test::sign_up(port(), prefix);
    }

    /// Makes the account one of the staff, as an operator would in the database. For logins to
    /// come.
    void make_staff(const std::string& user_id);

    /// Names of the files under DIR/media/`folder`, without their directories.
    std::set<std::string> media_files(const std::string& folder) const;

private:
    struct running;

    temporary_directory directory_;
    handlers::api_options options_;
    std::unique_ptr<running> running_;
};

/// One server for all test cases that mind nobody else's rows.
api_server& shared_server();
/// Ends it, before statics of libraries go.
void stop_shared_server();

}  // namespace pinhole::test
