// kill -9 at random moments, starting included: what was acknowledged is there, nothing is half
// there, nothing is there that nobody wrote, and the server comes back without a hand.
#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/crash/trial.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

constexpr unsigned writers = 8;
constexpr unsigned deaths_at_start_max = 3;

}  // namespace

BOOST_AUTO_TEST_SUITE(crashes)

BOOST_AUTO_TEST_CASE(every_acknowledged_write_survives_kill_9) {
    const int rounds = rounds_from("PINHOLE_TEST_CRASH_ROUNDS", 20);
    dice random;
    BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << random.seed()) {
        const temporary_directory directory;
        trial life(directory.path() / "data", directory.path() / "log");
        crowd people(life.port(), writers, random.seed());
        for (int round = 0; round < rounds; ++round) {
            BOOST_TEST_CONTEXT("round " << round) {
                crowd_signals signals;
                people.write(signals, [&] {
                    wait_for_a_moment(signals, random);
                    signals.may_break = true;
                    life.kill();
                });
                life.expect_killed();
                life.check_database();
                life.die_while_starting(random.pick(deaths_at_start_max + 1), random, [&] {
                    life.kill();
                    life.expect_killed();
                });
                people.move_to(life.start());
                people.verify(life.data(), round + 1 < rounds ? extent::recent : extent::all);
            }
        }
        BOOST_TEST(life.server().stop(SIGTERM).exit_status == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
