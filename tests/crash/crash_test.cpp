// kill -9 in the middle of writes: what was acknowledged is there, nothing is half there, and the
// server comes back without a hand.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <optional>

#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/workload/crowd.hpp"

namespace pinhole::test {

namespace {

constexpr unsigned writers = 8;
constexpr int rounds = 3;
constexpr int writes_per_round = 400;

}  // namespace

BOOST_AUTO_TEST_SUITE(crashes)

BOOST_AUTO_TEST_CASE(every_acknowledged_write_survives_kill_9) {
    const temporary_directory directory;
    const auto data = directory.path() / "data";
    const auto log = directory.path() / "log";
    std::optional<server_process> server;
    server.emplace(serve_arguments(data), log);
    crowd people(server->wait_until_serving(), writers);
    for (int round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round) {
            crowd_signals signals;
            people.write(signals, [&] {
                const bool busy =
                    eventually([&] { return signals.acknowledged > writes_per_round; },
                               std::chrono::seconds(60));
                signals.may_break = true;
                server->send_signal(SIGKILL);
                BOOST_TEST(busy);
            });
            BOOST_TEST(server->wait().signal == SIGKILL);
            server.emplace(serve_arguments(data), log);
            people.move_to(server->wait_until_serving());
            people.verify(data);
        }
    }
    BOOST_TEST(server->stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
