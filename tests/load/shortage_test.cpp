// A server that may not open one more descriptor: it waits, without spinning, and goes on.
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/load/load_fixture.hpp"
#include "tests/support/sanitizers.hpp"

namespace pinhole::test {

namespace {

constexpr const char* pause_message = "accepting pauses";
/// Each pause is a tenth of a second.
constexpr std::size_t pauses_watched = 15;

/// More than the server may come to close of its own files meanwhile.
constexpr int waiting_clients = 50;

/// The limit is one on the descriptors' numbers, and new ones take the lowest that is free.
rlim_t lowest_free_descriptor(pid_t process) {
    rlim_t number = 0;
    while (std::filesystem::is_symlink("/proc/" + std::to_string(process) + "/fd/" +
                                       std::to_string(number))) {
        ++number;
    }
    return number;
}

/// Sets which descriptors the server may have; what the limit was before.
rlimit limit_descriptors(pid_t process, rlim_t count) {
    rlimit before{};
    BOOST_TEST_REQUIRE(::prlimit(process, RLIMIT_NOFILE, nullptr, &before) == 0);
    rlimit few = before;
    few.rlim_cur = count;
    BOOST_TEST_REQUIRE(::prlimit(process, RLIMIT_NOFILE, &few, nullptr) == 0);
    return before;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(descriptor_shortage)

BOOST_AUTO_TEST_CASE(a_starved_server_waits_without_spinning_and_recovers,
                     *boost::unit_test::enable_if<can_run_without_descriptors>()) {
    load_server server;
    auto served_before = server.connect();
    BOOST_TEST(served_before.request("GET", "/healthz").status == 200U);
    const pid_t process = server.process().pid();
    const rlimit before = limit_descriptors(process, lowest_free_descriptor(process));

    std::vector<http_client> waiting;
    waiting.reserve(waiting_clients);
    for (int i = 0; i < waiting_clients; ++i) {
        waiting.push_back(server.connect());  // the kernel's queue takes them
        waiting.back().send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    const auto begun = std::chrono::steady_clock::now();
    const auto cpu_begun = server.process().cpu_time();
    BOOST_TEST(
        eventually([&] { return count_of(pause_message, server.log_text()) >= pauses_watched; }));
    const auto cpu_used = server.process().cpu_time() - cpu_begun;
    const auto passed = std::chrono::steady_clock::now() - begun;
    BOOST_TEST_MESSAGE("starved for "
                       << std::chrono::duration_cast<std::chrono::milliseconds>(passed).count()
                       << " ms, used " << cpu_used.count() << " ms of a core");
    BOOST_TEST((cpu_used < passed / 4));
    // Who is connected is served all the while.
    BOOST_TEST(served_before.request("GET", "/healthz").status == 200U);

    BOOST_TEST_REQUIRE(::prlimit(process, RLIMIT_NOFILE, &before, nullptr) == 0);
    for (http_client& client : waiting) {
        BOOST_TEST(client.receive().status == 200U);
    }
    BOOST_TEST(time_of_plain_request(server.port()) < plain_request_patience);
    server.check_stops();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
