// The power fails in the middle of writes: all that was not fsynced is gone, and what was
// acknowledged is there.
#include <fcntl.h>
#include <unistd.h>

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <string>
#include <vector>

#include "storage/base/unique_fd.hpp"
#include "tests/crash/cut_disk.hpp"
#include "tests/crash/trial.hpp"

namespace pinhole::test {

namespace {

namespace data = boost::unit_test::data;

constexpr unsigned writers = 8;
const std::vector<std::string> kinds{"ext4", "xfs"};

enum class synced : bool { no, yes };

void write_file(const std::filesystem::path& path, synced how) {
    const unique_fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    BOOST_TEST_REQUIRE(::write(file.get(), "bytes", 5) == 5);
    if (how == synced::yes) {
        BOOST_TEST_REQUIRE(::fsync(file.get()) == 0);
        const unique_fd folder(
            ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        BOOST_TEST_REQUIRE(::fsync(folder.get()) == 0);
    }
}

/// It must not see the disk fail, which is another matter than a power cut.
void end_with(const cut_disk& disk, const trial& life) {
    life.server().freeze();
    disk.cut();
    life.kill();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(power_cuts, *boost::unit_test::precondition(can_cut_power))

/// Else the other tests would show nothing.
BOOST_DATA_TEST_CASE(the_disk_keeps_what_was_synced_and_nothing_else, data::make(kinds), kind) {
    cut_disk disk(kind);
    write_file(disk.path() / "synced", synced::yes);
    std::filesystem::create_directory(disk.path() / "folder");
    write_file(disk.path() / "folder" / "lost", synced::no);
    write_file(disk.path() / "lost", synced::no);
    disk.cut();
    BOOST_TEST(::open((disk.path() / "late").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600) == -1);
    disk.power_up();
    BOOST_TEST(std::filesystem::file_size(disk.path() / "synced") == 5U);
    BOOST_TEST(!std::filesystem::exists(disk.path() / "lost"));
    BOOST_TEST(!std::filesystem::exists(disk.path() / "folder"));
}

BOOST_DATA_TEST_CASE(every_acknowledged_write_survives, data::make(kinds), kind) {
    const int rounds = rounds_from("PINHOLE_TEST_POWER_CUTS", 3);
    dice random;
    BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << random.seed()) {
        cut_disk disk(kind);
        const temporary_directory directory;
        // In folders that the server makes itself: they must outlast the cut as well.
        trial life(disk.path() / "made" / "by" / "the" / "server", directory.path() / "log",
                   {"--disk-reserve", "64MiB"});
        crowd people(life.port(), writers, random.seed());
        for (int round = 0; round < rounds; ++round) {
            BOOST_TEST_CONTEXT("round " << round) {
                crowd_signals signals;
                people.write(signals, [&] {
                    wait_for_a_moment(signals, random);
                    signals.may_break = true;
                    end_with(disk, life);
                });
                life.expect_killed();
                disk.power_up();
                life.die_while_starting(random.pick(3), random, [&] {
                    end_with(disk, life);
                    life.expect_killed();
                    disk.power_up();
                });
                life.check_database();
                people.move_to(life.start());
                people.verify(life.data(), round + 1 < rounds ? extent::recent : extent::all);
            }
        }
        BOOST_TEST(life.server().stop(SIGTERM).exit_status == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
