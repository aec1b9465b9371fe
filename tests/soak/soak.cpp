// The server under mixed load for as long as PINHOLE_SOAK_MINUTES says: half of the time one
// process, whose memory, descriptors and threads must stay as they are; then one after the other,
// killed or stopped, whose data must take no more room than what lies in them. At the end of each
// all that was acknowledged must be there.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iterator>
#include <thread>

#include "tests/crash/trial.hpp"
#include "tests/soak/flatness.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

using std::chrono::steady_clock;

constexpr unsigned writers = 8;
/// Posts and comments of each writer; from then on it mostly changes them. Deleting an account and
/// restoring it moves the media of all its posts: with many, there would be little other load.
constexpr std::size_t rows_max = 120;
constexpr double mebibyte = 1024 * 1024;
/// Below this there is no telling growth from warm-up.
constexpr double minutes_to_judge = 5;
/// What the write-ahead log may hold: its own bound (rocksdb_tuning.cpp), and what is written
/// until the flush that the bound calls for is done.
constexpr double log_mebibytes_max = 192;
/// Of each of twelve families some that wait to be compacted, and few that were: the rows are few.
constexpr double tables_max = 120;
/// What waits in memory to be flushed, of all families together; it fills as the log does.
constexpr double write_buffers_mebibytes_max = 48;

double minutes_wanted() {
    const char* const wanted = std::getenv("PINHOLE_SOAK_MINUTES");
    return wanted != nullptr ? std::stod(wanted) : 0.2;
}

double mebibytes_of(const std::filesystem::path& folder, std::string_view extension) {
    double bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        std::error_code gone;  // the server deletes files meanwhile
        const auto size = entry.path().extension() == extension
                              ? std::filesystem::file_size(entry.path(), gone)
                              : 0;
        bytes += gone ? 0 : static_cast<double>(size);
    }
    return bytes / mebibyte;
}

struct sample {
    double resident_mebibytes = 0;
    double steady_mebibytes = 0;  ///< without what waits to be flushed
    double tables = 0;            ///< open table files: RocksDB keeps all of them open
    double descriptors = 0;       ///< without those
    double threads = 0;
    double log_mebibytes = 0;
    double table_mebibytes = 0;
};

std::vector<double> column(const std::vector<sample>& samples, double sample::* member) {
    std::vector<double> values;
    values.reserve(samples.size());
    for (const sample& each : samples) {
        values.push_back(each.*member);
    }
    return values;
}

class soak {
public:
    soak(const std::filesystem::path& directory, double minutes)
        : minutes_(minutes),
          // A small cache is full early: from then on memory has no reason to grow.
          life_(directory / "data", directory / "log",
                {"--block-cache", "16MiB", "--log-level", "warning"}),
          people_(life_.port(), writers, random_.seed()) {
        people_.limit_rows(rows_max);
        fmt::print("PINHOLE_TEST_SEED={}\n{:>8} {:>6} {:>10} {:>8} {:>8} {:>8} {:>10} {:>8}\n",
                   random_.seed(), "seconds", "life", "RSS MiB", "files", "threads", "WAL MiB",
                   "tables MiB", "writes");
    }

    void run() {
        const auto end = began_ + seconds(minutes_ * 60);
        live(seconds(minutes_ * 30), true);
        while (steady_clock::now() < end) {
            live(std::chrono::milliseconds(1000 + random_.pick(9000)), false);
        }
        people_.verify(life_.data(), extent::all);
        BOOST_TEST(life_.server().stop(SIGTERM).exit_status == 0);
        life_.check_database();
        judge_all();
    }

    /// Also of a run that ended early.
    ~soak() {
        const std::string warnings = read_file(life_.log().string());
        fmt::print("\nwhat the server warned of, one life after the other:\n{}", warnings);
    }
    soak(const soak&) = delete;
    soak& operator=(const soak&) = delete;

private:
    static steady_clock::duration seconds(double count) {
        return std::chrono::duration_cast<steady_clock::duration>(
            std::chrono::duration<double>(count));
    }

    /// One process: under load for so long, then ended, then the next one's first moments.
    void live(steady_clock::duration how_long, bool is_first) {
        ++lives_;
        crowd_signals signals;
        const bool is_killed = random_.pick(2) == 0;
        people_.write(signals, [&] {
            const auto until = steady_clock::now() + how_long;
            const auto interval =
                std::max<steady_clock::duration>(how_long / 100, std::chrono::milliseconds(500));
            while (steady_clock::now() < until) {
                std::this_thread::sleep_for(std::min(interval, until - steady_clock::now()));
                const sample taken = take_sample(signals);
                if (is_first) {
                    samples_.push_back(taken);
                }
            }
            signals.may_break = true;
            life_.server().send_signal(is_killed ? SIGKILL : SIGTERM);
        });
        const process_end end = life_.server().wait();
        BOOST_TEST((is_killed ? end.signal == SIGKILL : end.exit_status == 0));
        BOOST_TEST((is_killed || signals.answers_cut == 0));
        BOOST_TEST(signals.acknowledged > 0);
        writes_ += signals.acknowledged;
        people_.move_to(life_.start());
        people_.verify(life_.data(), extent::recent);
        // A start has written all of the log to tables.
        table_bytes_per_row_.push_back(mebibytes_of(life_.data() / "db", ".sst") * mebibyte /
                                       static_cast<double>(people_.rows()));
    }

    sample take_sample(const crowd_signals& signals) {
        const std::filesystem::directory_iterator tasks(
            "/proc/" + std::to_string(life_.server().pid()) + "/task");
        const auto tables = static_cast<double>(life_.server().open_files(".sst"));
        sample taken{
            .resident_mebibytes = static_cast<double>(life_.server().resident_bytes()) / mebibyte,
            .steady_mebibytes = 0,
            .tables = tables,
            .descriptors = static_cast<double>(life_.server().open_descriptors()) - tables,
            .threads = static_cast<double>(std::distance(begin(tasks), end(tasks))),
            .log_mebibytes = mebibytes_of(life_.data() / "db", ".log"),
            .table_mebibytes = mebibytes_of(life_.data() / "db", ".sst")};
        taken.steady_mebibytes =
            taken.resident_mebibytes - std::min(taken.log_mebibytes, write_buffers_mebibytes_max);
        log_mebibytes_most_ = std::max(log_mebibytes_most_, taken.log_mebibytes);
        tables_most_ = std::max(tables_most_, taken.tables);
        fmt::print("{:>8.1f} {:>6} {:>10.1f} {:>8} {:>8} {:>8.1f} {:>10.1f} {:>8}\n",
                   std::chrono::duration<double>(steady_clock::now() - began_).count(), lives_,
                   taken.resident_mebibytes, taken.descriptors, taken.threads, taken.log_mebibytes,
                   taken.table_mebibytes, writes_ + signals.acknowledged);
        std::fflush(stdout);
        return taken;
    }

    void judge_all() {
        fmt::print(
            "\n{} lives, {} acknowledged writes, {} rows, {:.1f} MiB of media, at most "
            "{:.1f} MiB of log\n",
            lives_, writes_, people_.rows(), mebibytes_of(life_.data() / "media", ".jpg"),
            log_mebibytes_most_);
        BOOST_TEST(log_mebibytes_most_ <= log_mebibytes_max);
        BOOST_TEST(tables_most_ <= tables_max);
        const verdict verdicts[] = {
            judge("resident MiB, flushed", column(samples_, &sample::steady_mebibytes),
                  {.share = 0.05, .beside = 8}),
            judge("open descriptors", column(samples_, &sample::descriptors), {.beside = 16}),
            judge("threads", column(samples_, &sample::threads), {}),
            judge("table bytes per row", table_bytes_per_row_, {.share = 0.25, .beside = 64}),
        };
        for (const verdict& each : verdicts) {
            fmt::print("{}\n", each.line);
            BOOST_TEST((each.is_flat || minutes_ < minutes_to_judge), each.line);
        }
        fmt::print("{}\n", minutes_ < minutes_to_judge ? "too short to tell whether it is flat"
                                                       : "flat unless said otherwise above");
    }

    double minutes_;
    steady_clock::time_point began_ = steady_clock::now();
    dice random_;
    trial life_;
    crowd people_;
    int lives_ = 0;
    int writes_ = 0;
    double log_mebibytes_most_ = 0;
    double tables_most_ = 0;
    std::vector<sample> samples_;  ///< of the first life
    std::vector<double> table_bytes_per_row_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(soaking)

BOOST_AUTO_TEST_CASE(nothing_grows_and_nothing_is_lost) {
    const temporary_directory directory;
    soak run(directory.path(), minutes_wanted());
    run.run();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
