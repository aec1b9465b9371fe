// A backup that drops an older one, and a restore, killed with -9 at their system calls: every
// backup that is there then is whole, and the next call finishes or removes what is left.
//
// strace kills, on entering one of the calls that change a file system. It counts the calls of each
// kind and thread by themselves.
// PINHOLE_TEST_FAULTS=full tries every call instead of a sample.
#include <algorithm>
#include <csignal>
#include <cstdlib>

#include "storage/kv/checkpoint.hpp"
#include "tests/backup/backup_fixture.hpp"

namespace pinhole::storage::test {

namespace {

constexpr std::string_view changing_calls =
    "rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,link,linkat,openat,fsync,"
    "fdatasync,syncfs,write,pwrite64,ftruncate,fallocate,fchmodat,fchmod,chmod";

struct call {
    std::string name;
    std::size_t n = 1;  ///< of that name, by that thread
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

struct kill_fixture : backup_fixture {
    int run_child(const std::vector<std::string>& arguments,
                  const call* killed_at = nullptr) const {
        std::vector<std::string> all{"strace", "-f", "-o", at("trace").string()};
        all.insert(all.end(), {"-e", "trace=" + std::string{changing_calls}});
        if (killed_at != nullptr) {
            all.insert(all.end(), {"-e", "inject=" + killed_at->name +
                                             ":signal=KILL:when=" + std::to_string(killed_at->n)});
        }
        all.emplace_back(BACKUP_CHILD);
        all.insert(all.end(), arguments.begin(), arguments.end());
        return run_program(std::move(all));
    }

    /// Of the child that ran last: of the thread that began, in order.
    std::vector<call> traced_calls() const {
        std::vector<call> calls;
        std::map<std::string, std::size_t> counts;
        std::string first;
        for (const std::string& line : lines_of(at("trace"))) {
            const std::string thread = line.substr(0, line.find(' '));
            const std::size_t begin = line.find_first_not_of(' ', thread.size());
            const std::size_t end = line.find('(');
            first = first.empty() ? thread : first;
            if (thread == first && begin < end && end != std::string::npos) {
                const std::string name = line.substr(begin, end - begin);
                calls.push_back({.name = name, .n = ++counts[name]});
            }
        }
        return calls;
    }

    /// About so many of them, and as many of the last, which drop what is old, or put the new in
    /// its place.
    std::vector<call> choose(const std::vector<call>& all, std::size_t about) {
        constexpr std::size_t last = 50;
        std::vector<call> chosen;
        for (std::size_t place = 0; place < all.size(); ++place) {
            const std::size_t among = place + last < all.size() ? all.size() - last : last;
            if (is_full_run() || source.random().one_in(among / about + 1)) {
                chosen.push_back(all[place]);
            }
        }
        return chosen;
    }

    void copy_anew(const fs::path& from, const fs::path& to) const {
        fs::remove_all(to);
        if (fs::exists(from)) {
            fs::copy(from, to, fs::copy_options::recursive);
        }
    }
};

std::string to_string(const call& call) {
    return call.name + " no. " + std::to_string(call.n);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kills, kill_fixture, *boost::unit_test::precondition(can_trace))

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
    BOOST_REQUIRE(run_child(arguments) == 0);
    BOOST_TEST((ids() == std::vector<kv::backup_id>{2, 3}));
    const auto calls = traced_calls();
    BOOST_TEST_MESSAGE(calls.size() << " calls");
    std::size_t without_it = 0;
    std::size_t with_it = 0;
    for (const call& each : choose(calls, 8)) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            copy_anew(at("before"), dest);
            const int status = run_child(arguments, &each);
            BOOST_TEST((status == -SIGKILL || status == 0));
            const auto left = ids();
            const bool is_made = std::ranges::count(left, 3U) == 1;
            BOOST_TEST((is_made || left == std::vector<kv::backup_id>{1, 2}));
            for (const kv::backup_id id : left) {
                BOOST_TEST(faults(id) == "");
            }
            (is_made ? with_it : without_it) += 1;
            BOOST_REQUIRE(run_child(arguments) == 0);
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
    BOOST_REQUIRE(run_child(arguments) == 0);
    for (const call& each : choose(traced_calls(), 3)) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            fs::remove_all(dest);
            run_child(arguments, &each);
            BOOST_REQUIRE(run_child(arguments) == 0);
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
    BOOST_REQUIRE(run_child(arguments) == 0);
    const auto calls = traced_calls();
    BOOST_TEST_MESSAGE(calls.size() << " calls");
    std::size_t old_states = 0;
    std::size_t new_states = 0;
    for (const call& each : choose(calls, 8)) {
        BOOST_TEST_CONTEXT("killed at " << to_string(each)) {
            copy_anew(at("empty"), target);
            run_child(arguments, &each);
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
