// A disk that answers EIO: the n-th call of a kind fails, whatever it was for. From then on nothing
// is acknowledged, the process ends by itself, and after a start on a sound disk everything that
// was acknowledged is there.
//
// strace makes the calls fail, each thread's n-th.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <thread>

#include "tests/api/entity_checks.hpp"
#include "tests/faults/faults.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/traced_program.hpp"
#include "tests/workload/crowd.hpp"

namespace pinhole::test {

namespace {

using std::chrono::system_clock;

constexpr unsigned writers = 4;
constexpr unsigned n_max = 100;
/// Enough for every thread to have made its calls, of the kinds that writing makes.
constexpr int writes_max = 500;
/// For what was under way when the call failed, on a machine that is busy.
constexpr auto grace = std::chrono::milliseconds(500);
constexpr int trials_per_crowd = 10;

struct fault {
    std::string calls;
    /// Whether a failure says that the disk can't be trusted, whoever met it. Reserving room, say,
    /// is only a hint, and a table that could not be removed is tried again.
    bool is_final = true;
    bool onwards = false;  ///< all from the n-th on
    /// Debian's RocksDB asserts that its look whether there is such a call does not fail otherwise.
    bool may_abort = false;
};

/// Those alone whose calls contain what PINHOLE_TEST_CALLS says.
std::vector<fault> chosen_faults() {
    std::vector<fault> faults{{.calls = "fsync,fdatasync"},
                              {.calls = "fsync,fdatasync", .onwards = true},
                              {.calls = "write"},
                              {.calls = "pwrite64"},
                              {.calls = "rename,renameat,renameat2"},
                              {.calls = "link,linkat"},
                              {.calls = "unlink,unlinkat", .is_final = false},
                              {.calls = "ftruncate", .is_final = false},
                              {.calls = "fallocate", .is_final = false},
                              {.calls = "sync_file_range", .is_final = false, .may_abort = true},
                              {.calls = "mkdir,mkdirat", .is_final = false},
                              {.calls = "pread64", .is_final = false}};
    const char* wanted = std::getenv("PINHOLE_TEST_CALLS");
    std::erase_if(faults, [wanted](const fault& each) {
        return wanted != nullptr && !each.calls.contains(wanted);
    });
    return faults;
}

std::vector<unsigned> choose_places() {
    std::vector<unsigned> places;
    places.reserve(n_max);
    for (unsigned n = 1; n <= n_max; ++n) {
        places.push_back(n);
    }
    if (!is_full_run()) {
        // Of the early ones, which every thread reaches soon.
        places.resize(n_max / 4);
        std::ranges::shuffle(places, random_places());
        places.resize(1);
    }
    return places;
}

/// A call that was made to fail: when, and of which file.
struct injected {
    system_clock::time_point at;
    bool is_of_data = false;
};

std::optional<injected> first_injected(const std::filesystem::path& trace,
                                       const std::filesystem::path& data) {
    std::ifstream file(trace);
    std::optional<injected> first;
    for (std::string line; std::getline(file, line);) {
        if (!line.contains("(INJECTED)")) {
            continue;
        }
        const std::string time = line.substr(line.find_first_not_of(' ', line.find(' ')));
        const auto seconds = std::chrono::duration<double>(std::stod(time));
        // Of those in the data directory, the first; else just the first.
        const injected found{.at = system_clock::time_point(
                                 std::chrono::duration_cast<system_clock::duration>(seconds)),
                             .is_of_data = line.contains(data.string())};
        if (!first || (found.is_of_data && !first->is_of_data)) {
            first = found;
        }
    }
    return first;
}

/// A bio of the owner's, when it was sent, and whether it was acknowledged.
struct attempt {
    system_clock::time_point asked_at;
    std::string bio;
    bool is_acknowledged = false;
};

struct faulty_run {
    temporary_directory directory;
    std::filesystem::path data = directory.path() / "data";
    std::filesystem::path log = directory.path() / "log";
    std::filesystem::path trace = directory.path() / "trace";
    std::optional<crowd> people;
    std::optional<server_process> server;
    std::vector<attempt> attempts;
    int hit = 0;

    void start_sound() { server.emplace(serve_arguments(data), log); }

    void renew_crowd() {
        people.reset();
        std::filesystem::remove_all(data);
        start_sound();
        people.emplace(server->wait_until_serving(), writers, seed_of_places());
        people->tolerate({503});
        BOOST_TEST(server->stop(SIGTERM).exit_status == 0);
    }

    launch_options with(const fault& fault, unsigned n) const {
        return {.wrapper = {"strace", "-D", "-f", "--seccomp-bpf", "-qq", "-y", "-ttt", "-o",
                            trace.string(), "-e", "signal=none", "-e", "trace=" + fault.calls, "-e",
                            "inject=" + fault.calls + ":error=EIO:when=" + std::to_string(n) +
                                (fault.onwards ? "+" : "")},
                .environment = {without_leak_detection()}};
    }

    /// False if the server ended before it served.
    bool has_started() {
        try {
            people->move_to(server->wait_until_serving());
            return true;
        } catch (const std::runtime_error&) {
            return false;
        }
    }

    /// The owner's edits, each with its time, and whether the server says it is ready.
    void edit_until_gone(crowd_signals& signals, std::vector<system_clock::time_point>& ready) {
        api_client& owner = people->owner();
        try {
            while (signals.acknowledged < writes_max) {
                attempts.push_back({system_clock::now(), unique_name("bio "), false});
                const auto answer = owner.patch("/api/v1/users/me", {{"bio", attempts.back().bio}});
                attempts.back().is_acknowledged = answer.status == 200;
                const auto looked_at = system_clock::now();
                if (owner.get("/readyz").status == 200) {
                    ready.push_back(looked_at);
                }
            }
        } catch (const http_failure& gone) {
            BOOST_TEST_INFO(gone.what());
        }
        signals.enough = true;
    }

    void check_silent_since(const std::vector<system_clock::time_point>& ready,
                            system_clock::time_point failed_at) const {
        for (const attempt& each : attempts) {
            BOOST_TEST((!each.is_acknowledged || each.asked_at < failed_at + grace),
                       each.bio << " was acknowledged after the failure");
        }
        for (const auto at : ready) {
            BOOST_TEST((at < failed_at + grace), "ready after the failure");
        }
    }

    /// It is the last that was acknowledged, or one that was tried after that.
    void check_bio() {
        const auto last =
            std::ranges::find_if(attempts.rbegin(), attempts.rend(), &attempt::is_acknowledged);
        if (last != attempts.rend()) {
            const std::string bio = text(people->owner().get_json("/api/v1/users/me"), "bio");
            const bool is_expected =
                std::ranges::any_of(std::prev(last.base()), attempts.end(),
                                    [&](const attempt& each) { return each.bio == bio; });
            BOOST_TEST(is_expected, bio);
        }
    }

    void check_restart() {
        start_sound();
        people->move_to(server->wait_until_serving());
        people->verify(data);
        check_bio();
        attempts.clear();
        BOOST_TEST(server->stop(SIGTERM).exit_status == 0);
    }

    void try_one(const fault& fault, unsigned n) {
        std::filesystem::remove(trace);
        std::filesystem::remove(log);
        server.emplace(serve_arguments(data), log, with(fault, n));
        std::vector<system_clock::time_point> ready;
        if (has_started()) {
            crowd_signals signals;
            signals.may_break = true;
            people->write(signals, [&] { edit_until_gone(signals, ready); });
        }
        auto failed = first_injected(trace, data);
        const bool must_end = failed && failed->is_of_data && fault.is_final;
        if (!must_end) {
            // It may have ended all the same.
            ::kill(server->pid(), SIGTERM);
        }
        const process_end end = server->wait(std::chrono::seconds(40));
        const bool has_aborted = fault.may_abort && end.signal == SIGABRT;
        BOOST_TEST((end.signal == 0 || has_aborted));
        if (end.exit_status != 0) {
            // strace may be a little behind, and a line that could not be logged comes first.
            eventually(
                [&] {
                    failed = first_injected(trace, data);
                    return failed && failed->is_of_data;
                },
                std::chrono::seconds(5));
        }
        if (failed && end.exit_status != 0) {
            ++hit;
            if (fault.is_final) {
                check_silent_since(ready, failed->at);
            }
            // One that failed before the program had been loaded is not its own to tell.
            BOOST_TEST((!failed->is_of_data || has_aborted || !error_lines(log).empty()));
        }
        BOOST_TEST((end.exit_status == 0 || failed));
        BOOST_TEST((!must_end || end.exit_status == 1));
        check_restart();
    }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(io_errors, *boost::unit_test::precondition(can_trace))

BOOST_FIXTURE_TEST_CASE(nothing_is_acknowledged_after_an_error_and_a_restart_is_clean, faulty_run) {
    BOOST_TEST_MESSAGE("seed " << seed_of_places());
    int trials = 0;
    for (const fault& fault : chosen_faults()) {
        const int hit_before = hit;
        for (const unsigned n : choose_places()) {
            if (trials++ % trials_per_crowd == 0) {
                renew_crowd();
            }
            BOOST_TEST_CONTEXT(fault.calls << (fault.onwards ? " from " : " ") << n << ", seed "
                                           << seed_of_places()) {
                try_one(fault, n);
            }
        }
        BOOST_TEST_MESSAGE(fault.calls << (fault.onwards ? " onwards" : "") << ": ended the server "
                                       << hit - hit_before << " times");
    }
    BOOST_TEST(hit > 0, "no call that mattered was made to fail");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
