// A backup that drops an older one, and a restore, killed with -9 at their system calls: every
// backup that is there then is whole, and the next call finishes or removes what is left.
//
// PINHOLE_TEST_FAULTS=full tries every call instead of a sample.
#include <algorithm>
#include <csignal>
#include <iterator>
#include <span>

#include "storage/kv/checkpoint.hpp"
#include "tests/backup/backup_fixture.hpp"
#include "tests/support/traced_program.hpp"

namespace pinhole::storage::test {

namespace {

using pinhole::test::can_kill_at_calls;
using pinhole::test::sample;
using pinhole::test::system_call;
using pinhole::test::traced_program;

struct kill_fixture : backup_fixture {
    const traced_program child{BACKUP_CHILD, at("trace")};

    /// So many of them, and as many of the last, which drop what is old, or put the new in its
    /// place.
    std::vector<system_call> choose(const std::vector<system_call>& all, std::size_t count) {
        const auto pick = [this](std::size_t below) { return source.random().pick(below); };
        const std::size_t last = all.size() - std::min<std::size_t>(all.size(), 50);
        std::vector<system_call> chosen = sample(std::span{all}.first(last), count, pick);
        std::ranges::move(sample(std::span{all}.subspan(last), count, pick),
                          std::back_inserter(chosen));
        return chosen;
    }

    void copy_anew(const fs::path& from, const fs::path& to) const {
        fs::remove_all(to);
        if (fs::exists(from)) {
            fs::copy(from, to, fs::copy_options::recursive);
        }
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kills, kill_fixture, *boost::unit_test::precondition(can_kill_at_calls))

BOOST_AUTO_TEST_CASE(a_backup_that_is_killed_leaves_the_others_whole) {
    back_up();
    source.add_rows(1, 2);
    back_up();
    source.add_rows(1, 2);
    fs::remove_all(at("checkpoint"));
    kv::make_checkpoint(source.store(), at("checkpoint"));
    fs::rename(dest, at("before"));
    const std::vector<std::string> arguments{"backup", source.path(), at("checkpoint"), dest, "2"};
    copy_anew(at("before"), dest);
    BOOST_REQUIRE(child.run(arguments) == 0);
    BOOST_TEST((ids() == std::vector<kv::backup_id>{2, 3}));
    const auto calls = child.calls();
    BOOST_TEST_MESSAGE(calls.size() << " calls");
    std::size_t without_it = 0;
    std::size_t with_it = 0;
    for (const system_call& each : choose(calls, 8)) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            copy_anew(at("before"), dest);
            const int status = child.run(arguments, &each);
            BOOST_TEST((status == -SIGKILL || status == 0));
            const auto left = ids();
            const bool is_made = std::ranges::count(left, 3U) == 1;
            BOOST_TEST((is_made || left == std::vector<kv::backup_id>{1, 2}));
            for (const kv::backup_id id : left) {
                BOOST_TEST(faults(id) == "");
            }
            (is_made ? with_it : without_it) += 1;
            BOOST_REQUIRE(child.run(arguments) == 0);
            BOOST_TEST(ids().size() == 2U);
            check_tidy();
        }
    }
    BOOST_TEST(without_it > 0U);
    BOOST_TEST(with_it > 0U);
}

BOOST_AUTO_TEST_CASE(a_first_backup_that_is_killed_can_be_begun_again) {
    fs::remove_all(at("checkpoint"));
    kv::make_checkpoint(source.store(), at("checkpoint"));
    const std::vector<std::string> arguments{"backup", source.path(), at("checkpoint"), dest, "2"};
    BOOST_REQUIRE(child.run(arguments) == 0);
    for (const system_call& each : choose(child.calls(), 3)) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            fs::remove_all(dest);
            child.run(arguments, &each);
            BOOST_REQUIRE(child.run(arguments) == 0);
            check_tidy();
        }
    }
}

BOOST_AUTO_TEST_CASE(a_restore_that_is_killed_leaves_the_old_state_or_the_new) {
    back_up();
    must_restore_to(1, at("whole"));
    const auto new_rows = rows_of(at("whole"));
    const auto new_media = media_of(at("whole"));
    {
        auto options = options_for(at("empty"));
        options.secret_key.clear();  // it makes one
        const database made{std::move(options)};
    }
    const auto old_rows = rows_of(at("empty"));
    const std::string old_key = bytes_of(at("empty") / "secret.key");
    const std::string new_key = bytes_of(source.path() / "secret.key");
    const std::vector<std::string> arguments{"restore", dest, target};
    copy_anew(at("empty"), target);
    BOOST_REQUIRE(child.run(arguments) == 0);
    const auto calls = child.calls();
    BOOST_TEST_MESSAGE(calls.size() << " calls");
    std::size_t old_states = 0;
    std::size_t new_states = 0;
    for (const system_call& each : choose(calls, 8)) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            copy_anew(at("empty"), target);
            child.run(arguments, &each);
            {
                auto options = options_for(target);
                options.secret_key.clear();
                const database opened{std::move(options)};
            }
            const auto rows = rows_of(target);
            const bool is_new = rows == new_rows;
            BOOST_TEST((is_new || rows == old_rows));
            BOOST_TEST(
                (media_of(target) == (is_new ? new_media : std::map<std::string, std::string>{})));
            BOOST_TEST(bytes_of(target / "secret.key") == (is_new ? new_key : old_key));
            for (const auto& [name, content] : tree_of(target)) {
                BOOST_TEST(!name.contains("restore"));
            }
            (is_new ? new_states : old_states) += 1;
        }
    }
    BOOST_TEST(old_states > 0U);
    BOOST_TEST(new_states > 0U);
    BOOST_TEST(faults(1) == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
