// healthcheck: ready, not ready, out of reach; by what it says and how it ends.
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdlib>
#include <thread>

#include "storage/base/unique_fd.hpp"
#include "tests/admin/admin_fixture.hpp"
#include "tools/admin/http_get.hpp"

namespace pinhole::test {

namespace {

std::string address_of(std::uint16_t port, const std::string& host = "127.0.0.1") {
    return host + ':' + std::to_string(port);
}

/// A port that somebody listens on who is no Pinhole server.
class stranger {
public:
    stranger() {
        listening_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t bytes = sizeof address;
        auto* const any = reinterpret_cast<sockaddr*>(&address);
        BOOST_REQUIRE(::bind(listening_.get(), any, bytes) == 0);
        BOOST_REQUIRE(::listen(listening_.get(), 8) == 0);
        BOOST_REQUIRE(::getsockname(listening_.get(), any, &bytes) == 0);
        port_ = ntohs(address.sin_port);
    }

    std::uint16_t port() const { return port_; }
    /// Answers the next who comes.
    std::jthread answer(std::string text) const {
        return std::jthread([this, text = std::move(text)] {
            const unique_fd client(::accept(listening_.get(), nullptr, nullptr));
            std::array<char, 4096> request;
            static_cast<void>(::recv(client.get(), request.data(), request.size(), 0));
            static_cast<void>(::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL));
        });
    }

private:
    unique_fd listening_;
    std::uint16_t port_ = 0;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(healthcheck, admin_fixture)

BOOST_AUTO_TEST_CASE(a_server_that_serves_is_ready) {
    start();
    const std::string address = address_of(port);
    BOOST_TEST(must({"healthcheck", "--listen", address}) == address + " is ready\n");
    BOOST_TEST(must_json({"healthcheck", "--listen", address})["ready"].get<bool>());
    BOOST_TEST(must({"healthcheck", "--listen", address_of(port, "0.0.0.0")}) ==
               address + " is ready\n");
    // It asks no data directory.
    BOOST_TEST(run_admin({"healthcheck", "--listen", address}).exit_status == 0);
    ::setenv("PINHOLE_LISTEN", address.c_str(), 1);
    const admin_end end = run_admin({"healthcheck"});
    ::unsetenv("PINHOLE_LISTEN");
    BOOST_TEST(end.exit_status == 0);
    BOOST_TEST(end.out == address + " is ready\n");
    stop();
}

BOOST_AUTO_TEST_CASE(a_server_on_a_full_disk_is_not_ready_and_says_why) {
    make_empty();
    auto arguments = serve_arguments(data);
    arguments.insert(arguments.end(), {"--disk-reserve", "900000GiB"});
    server = std::make_unique<server_process>(arguments, log);
    port = server->wait_until_serving();
    check_end({"healthcheck", "--listen", address_of(port)}, 1,
              "is not ready: The disk is full: reads work, writes do not.");
    const admin_end end = admin({"--json", "healthcheck", "--listen", address_of(port)});
    BOOST_TEST(end.exit_status == 1);
    BOOST_TEST(end.out.empty());
    BOOST_TEST(json::parse(end.err)["error"].get<std::string>().contains("The disk is full"));
    stop();
}

BOOST_AUTO_TEST_CASE(a_server_that_is_not_there_is_out_of_reach) {
    start();
    const std::string address = address_of(port);
    stop();
    check_end({"healthcheck", "--listen", address}, 3,
              address + " cannot be reached: Connection refused");
}

BOOST_AUTO_TEST_CASE(a_server_that_stands_still_is_out_of_reach_in_time) {
    start();
    server->freeze();
    const auto begun = std::chrono::steady_clock::now();
    check_end({"healthcheck", "--timeout", "0.3", "--listen", address_of(port)}, 3,
              "did not answer within 0.3 s");
    const auto taken = std::chrono::steady_clock::now() - begun;
    BOOST_TEST((taken >= std::chrono::milliseconds(300)));
    BOOST_TEST((taken < std::chrono::seconds(20)));
}

BOOST_AUTO_TEST_CASE(who_is_no_pinhole_server_is_not_taken_for_one) {
    const stranger other;
    for (const std::string& text :
         {std::string{}, std::string{"220 mail ready\r\n"}, std::string{"HTTP/1.1 200"},
          std::string{"HTTP/1.1 2x0 \r\n\r\n"}}) {
        const auto answering = other.answer(text);
        check_end({"healthcheck", "--listen", address_of(other.port())}, 3,
                  address_of(other.port()));
    }
    const auto answering = other.answer("HTTP/1.1 404 Not Found\r\n\r\n<html>");
    check_end({"healthcheck", "--listen", address_of(other.port())}, 1,
              "is not ready: it answers 404");
}

BOOST_AUTO_TEST_CASE(an_interrupted_check_ends_so) {
    start();
    server->freeze();
    admin_process check({"healthcheck", "--timeout", "60", "--listen", address_of(port)});
    check.send_signal(SIGTERM);
    const admin_end end = check.wait();
    // The signal may come before anybody listens for it.
    BOOST_TEST((end.exit_status == 130 || end.signal == SIGTERM));
}

BOOST_AUTO_TEST_CASE(wrong_addresses_are_misuse) {
    for (const char* address : {"", "8080", "localhost:8080", "127.0.0.1:", "127.0.0.1:0",
                                "127.0.0.1:70000", "::1:8080", "[127.0.0.1]:8080", "[::1]"}) {
        BOOST_TEST_CONTEXT(address) {
            check_end({"healthcheck", "--listen", address}, 2, "--listen");
        }
    }
    BOOST_TEST(admin({"healthcheck", "--timeout", "0"}).exit_status == 2);
}

BOOST_AUTO_TEST_CASE(all_addresses_are_asked_over_the_loopback) {
    const auto reached = [](const char* text) {
        return admin::to_string(admin::to_reachable(admin::parse_endpoint(text).value()));
    };
    BOOST_TEST(reached("0.0.0.0:1") == "127.0.0.1:1");
    BOOST_TEST(reached("[::]:1") == "[::1]:1");
    BOOST_TEST(reached("[0::0]:1") == "[::1]:1");
    BOOST_TEST(reached("10.0.0.1:65535") == "10.0.0.1:65535");
    BOOST_TEST(reached("[fe80::1]:1") == "[fe80::1]:1");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
