// A restore killed with -9 at its system calls, one after another, and so is whoever opens the
// directory afterwards: what is there then is the old state or the new one, whole.
//
// strace kills, on entering one of the calls that change a file system. It counts the calls of each
// kind and thread by themselves.
// PINHOLE_TEST_FAULTS=full tries every call instead of a sample.
#include <sys/types.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>

#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr std::string_view changing_calls =
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,openat,fsync,"
    "fdatasync,syncfs,write,pwrite64,ftruncate,fallocate,fchmodat,fchmod,chmod";

/// The switch's calls lie between the first and the last that name the journal; so many around them
/// are looked at as closely.
constexpr std::size_t calls_around = 8;

struct call {
    std::string name;
    std::size_t n = 1;  ///< of that name, by that thread
    bool is_of_switch = false;
};

bool is_full_run() {
    const char* wanted = std::getenv("PINHOLE_TEST_FAULTS");
    return wanted != nullptr && std::string_view{wanted} == "full";
}

boost::test_tools::assertion_result can_trace(boost::unit_test::test_unit_id /*id*/) {
    boost::test_tools::assertion_result result(
        run_program({"strace", "-f", "-o", "/dev/null", "-e", "inject=fsync:signal=KILL:when=1",
                     "true"}) == 0);
    result.message() << "needs strace and the right to trace";
    return result;
}

struct kill_fixture : restore_fixture {
    kill_fixture() : restore_fixture(3, 4) {
        must_restore(dump, at("whole"));
        new_rows = rows_of(at("whole"));
        new_media = media_of(at("whole"));
        {
            const database made{options_for(at("empty"))};
        }
        old_rows = rows_of(at("empty"));
    }

    /// The child, killed at this call, if any.
    int run_child(const std::vector<std::string>& arguments,
                  const call* killed_at = nullptr) const {
        std::vector<std::string> all{"strace", "-f", "-o", at("trace").string()};
        all.insert(all.end(), {"-e", "trace=" + std::string{changing_calls}});
        if (killed_at != nullptr) {
            all.insert(all.end(), {"-e", "inject=" + killed_at->name +
                                             ":signal=KILL:when=" + std::to_string(killed_at->n)});
        }
        all.emplace_back(RESTORE_CHILD);
        all.insert(all.end(), arguments.begin(), arguments.end());
        return run_program(std::move(all));
    }

    /// Of the first thread of the child that ran last, in order.
    std::vector<call> traced_calls() const {
        std::vector<call> calls;
        std::map<std::string, std::size_t> counts;
        std::string first;
        std::vector<std::size_t> naming_journal;
        for (const std::string& line : lines_of(at("trace"))) {
            const std::string thread = line.substr(0, line.find(' '));
            const std::size_t begin = line.find_first_not_of(' ', thread.size());
            const std::size_t end = line.find('(');
            first = first.empty() ? thread : first;
            if (thread == first && begin < end && end != std::string::npos) {
                if (line.contains("restore.journal\"")) {
                    naming_journal.push_back(calls.size());
                }
                const std::string name = line.substr(begin, end - begin);
                calls.push_back({.name = name, .n = ++counts[name]});
            }
        }
        for (std::size_t place = 0; place < calls.size() && !naming_journal.empty(); ++place) {
            calls[place].is_of_switch = place + calls_around >= naming_journal.front() &&
                                        place <= naming_journal.back() + calls_around;
        }
        return calls;
    }

    void make_empty_target() const {
        fs::remove_all(target);
        fs::copy(at("empty"), target, fs::copy_options::recursive);
    }

    /// Whoever opens it as the server does finds one of the two states, and nothing else is left.
    bool check_old_or_new() const {
        {
            const database opened{options_for(target)};
        }
        const auto rows = rows_of(target);
        const bool is_new = rows == new_rows;
        BOOST_TEST((is_new || rows == old_rows));
        BOOST_TEST(
            (media_of(target) == (is_new ? new_media : std::map<std::string, std::string>{})));
        BOOST_TEST(problems_of(target).empty());
        for (const auto& [name, content] : tree_of(target)) {
            BOOST_TEST(!name.contains("restore"));
        }
        return is_new;
    }

    std::vector<std::string> old_rows;
    std::vector<std::string> new_rows;
    std::map<std::string, std::string> new_media;
};

/// All in a full run; else half of the switch's, and a few of the others.
std::vector<call> choose_calls(const std::vector<call>& all, generator& random) {
    std::vector<call> chosen;
    for (const call& each : all) {
        if (is_full_run() || random.one_in(each.is_of_switch ? 2 : all.size() / 6 + 1)) {
            chosen.push_back(each);
        }
    }
    return chosen;
}

std::string to_string(const call& call) {
    return call.name + " no. " + std::to_string(call.n);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kills, kill_fixture, *boost::unit_test::precondition(can_trace))

BOOST_AUTO_TEST_CASE(a_restore_that_is_killed_leaves_the_old_state_or_the_new) {
    make_empty_target();
    BOOST_REQUIRE(run_child({"restore", dump, target}) == 0);
    const auto calls = traced_calls();
    BOOST_TEST_MESSAGE(calls.size() << " calls");
    BOOST_TEST(check_old_or_new());
    std::size_t old_states = 0;
    std::size_t new_states = 0;
    std::size_t cut_switches = 0;
    for (const call& each : choose_calls(calls, source.random())) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            make_empty_target();
            const int status = run_child({"restore", dump, target}, &each);
            BOOST_TEST((status == -SIGKILL || status == 0));
            const bool is_cut = fs::exists(target / "restore.journal");
            const bool is_new = check_old_or_new();
            BOOST_TEST((is_new || (!is_cut && status != 0)));
            cut_switches += is_cut ? 1 : 0;
            (is_new ? new_states : old_states) += 1;
        }
    }
    // The sample has met both, and the moments between.
    BOOST_TEST(old_states > 3U);
    BOOST_TEST(new_states > 3U);
    BOOST_TEST(cut_switches > 3U);
}

/// Each place of the switch, and from there each place of what finishes it.
BOOST_AUTO_TEST_CASE(finishing_it_may_be_killed_as_well) {
    int tried = 0;
    make_empty_target();
    BOOST_REQUIRE(run_child({"restore", dump, target}) == 0);
    const auto calls = traced_calls();
    for (const call& each : choose_calls(calls, source.random())) {
        make_empty_target();
        run_child({"restore", dump, target}, &each);
        if (!fs::exists(target / "restore.journal")) {
            continue;
        }
        fs::remove_all(at("cut"));
        fs::copy(target, at("cut"), fs::copy_options::recursive);
        BOOST_REQUIRE(run_child({"enter", target}) == 0);
        for (const call& again : choose_calls(traced_calls(), source.random())) {
            BOOST_TEST_CONTEXT("killed at " << to_string(each) << ", then at "
                                            << to_string(again)) {
                fs::remove_all(target);
                fs::copy(at("cut"), target, fs::copy_options::recursive);
                run_child({"enter", target}, &again);
                BOOST_TEST(check_old_or_new());
            }
        }
        ++tried;
        if (!is_full_run() && tried == 2) {
            break;
        }
    }
    BOOST_TEST(tried > 0);
}

BOOST_AUTO_TEST_CASE(a_restore_into_nothing_that_is_killed_leaves_nothing_or_all) {
    BOOST_REQUIRE(run_child({"restore", dump, target}) == 0);
    const auto calls = traced_calls();
    for (const call& each : choose_calls(calls, source.random())) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            fs::remove_all(target);
            run_child({"restore", dump, target}, &each);
            if (fs::exists(target)) {
                check_old_or_new();
            }
        }
    }
}

/// Part of the rows is there, each of them whole, and the same merge adds the rest.
BOOST_AUTO_TEST_CASE(a_merge_that_is_killed_is_finished_by_another) {
    make_subset(dump, at("part"), source.random());
    must_restore(at("part"), at("before"));
    const auto start = [&] {
        fs::remove_all(target);
        fs::copy(at("before"), target, fs::copy_options::recursive);
    };
    start();
    BOOST_REQUIRE(run_child({"merge", dump, target}) == 0);
    const auto calls = traced_calls();
    for (const call& each : choose_calls(calls, source.random())) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            start();
            run_child({"merge", dump, target}, &each);
            {
                const database opened{options_for(target)};
            }
            BOOST_TEST(problems_of(target).empty());
            BOOST_TEST(run_child({"merge", dump, target}) == 0);
            rank_all(target);
            BOOST_TEST((rows_of(target) == new_rows));
            BOOST_TEST((media_of(target) == new_media));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
