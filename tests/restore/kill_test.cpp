// A restore killed with -9 at its system calls, one after another, and so is whoever opens the
// directory afterwards: what is there then is the old state or the new one, whole.
//
// PINHOLE_TEST_FAULTS=full tries every call instead of a sample.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <iterator>
#include <span>

#include "tests/restore/restore_fixture.hpp"
#include "tests/support/full_run.hpp"
#include "tests/support/traced_program.hpp"

namespace pinhole::storage::test {

namespace {

using pinhole::test::can_kill_at_calls;
using pinhole::test::is_full_run;
using pinhole::test::sample;
using pinhole::test::system_call;
using pinhole::test::traced_program;

/// So many before and after the switch are looked at as closely.
constexpr std::ptrdiff_t calls_around = 8;

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

    const traced_program child{RESTORE_CHILD, at("trace")};
    std::vector<std::string> old_rows;
    std::vector<std::string> new_rows;
    std::map<std::string, std::string> new_media;
};

/// The switch lies between the first and the last that name its journal. Where it begins and ends
/// among them, with those around it. Requires: there is one.
std::pair<std::size_t, std::size_t> find_switch(const std::vector<system_call>& calls) {
    const auto names_journal = [](const system_call& call) {
        return call.line.contains("restore.journal\"");
    };
    const auto first = std::ranges::find_if(calls, names_journal) - calls.begin();
    BOOST_REQUIRE(first < std::ssize(calls));
    const auto last =
        calls.rend() - std::ranges::find_if(calls.rbegin(), calls.rend(), names_journal);
    return {std::max(first, calls_around) - calls_around,
            std::min<std::ptrdiff_t>(last + calls_around, std::ssize(calls))};
}

/// Half of the switch's, and a few of those before and behind.
std::vector<system_call> choose_calls(const std::vector<system_call>& all, generator& random) {
    const auto [begin, end] = find_switch(all);
    const std::span calls{all};
    const auto pick = [&random](std::size_t below) { return random.pick(below); };
    std::vector<system_call> chosen;
    const auto choose = [&](std::span<const system_call> part, std::size_t count) {
        std::ranges::move(sample(part, count, pick), std::back_inserter(chosen));
    };
    choose(calls.first(begin), 4);
    choose(calls.subspan(begin, end - begin), (end - begin) / 2);
    choose(calls.subspan(end), 2);
    return chosen;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kills, kill_fixture, *boost::unit_test::precondition(can_kill_at_calls))

BOOST_AUTO_TEST_CASE(a_restore_that_is_killed_leaves_the_old_state_or_the_new) {
    make_empty_target();
    BOOST_REQUIRE(child.run({"restore", dump, target}) == 0);
    const auto calls = child.calls();
    BOOST_TEST_MESSAGE(calls.size() << " calls");
    BOOST_TEST(check_old_or_new());
    std::size_t old_states = 0;
    std::size_t new_states = 0;
    std::size_t cut_switches = 0;
    for (const system_call& each : choose_calls(calls, source.random())) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            make_empty_target();
            const int status = child.run({"restore", dump, target}, &each);
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
    BOOST_REQUIRE(child.run({"restore", dump, target}) == 0);
    const auto calls = child.calls();
    for (const system_call& each : choose_calls(calls, source.random())) {
        make_empty_target();
        child.run({"restore", dump, target}, &each);
        if (!fs::exists(target / "restore.journal")) {
            continue;
        }
        fs::remove_all(at("cut"));
        fs::copy(target, at("cut"), fs::copy_options::recursive);
        BOOST_REQUIRE(child.run({"enter", target}) == 0);
        for (const system_call& again : choose_calls(child.calls(), source.random())) {
            BOOST_TEST_CONTEXT("killed at " << to_string(each) << ", then at "
                                            << to_string(again)) {
                fs::remove_all(target);
                fs::copy(at("cut"), target, fs::copy_options::recursive);
                child.run({"enter", target}, &again);
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
    BOOST_REQUIRE(child.run({"restore", dump, target}) == 0);
    const auto calls = child.calls();
    for (const system_call& each : choose_calls(calls, source.random())) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            fs::remove_all(target);
            child.run({"restore", dump, target}, &each);
            if (fs::exists(target)) {
                check_old_or_new();
            }
        }
    }
}

/// A merge switches nothing. Part of the rows is there, each of them whole, and the same merge adds
/// the rest.
BOOST_AUTO_TEST_CASE(a_merge_that_is_killed_is_finished_by_another) {
    make_subset(dump, at("part"), source.random());
    must_restore(at("part"), at("before"));
    const auto start = [&] {
        fs::remove_all(target);
        fs::copy(at("before"), target, fs::copy_options::recursive);
    };
    start();
    BOOST_REQUIRE(child.run({"merge", dump, target}) == 0);
    const auto calls = child.calls();
    const auto pick = [this](std::size_t below) { return source.random().pick(below); };
    for (const system_call& each : sample(calls, 8, pick)) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            start();
            child.run({"merge", dump, target}, &each);
            {
                const database opened{options_for(target)};
            }
            BOOST_TEST(problems_of(target).empty());
            BOOST_TEST(child.run({"merge", dump, target}) == 0);
            rank_all(target);
            BOOST_TEST((rows_of(target) == new_rows));
            BOOST_TEST((media_of(target) == new_media));
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
