// kill -9 of purge, repair and reindex around each of their commits, then the start of a server,
// then the same again: nothing may be lost, and the second run finishes.
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "storage/database.hpp"
#include "storage/ranking.hpp"
#include "storage/reindex.hpp"
#include "tests/maintenance/random_world.hpp"

extern char** environ;

namespace pinhole::storage::test {

namespace {

/// How many points of each are tried; PINHOLE_TEST_KILLS=0 tries all.
std::size_t kills_max() {
    const char* const wanted = std::getenv("PINHOLE_TEST_KILLS");
    const std::size_t kills = wanted != nullptr ? std::stoul(wanted) : 8;
    return kills == 0 ? SIZE_MAX : kills;
}

struct kill_fixture {
    std::filesystem::path base() const { return directory.path() / "base"; }
    std::filesystem::path data() const { return directory.path() / "data"; }

    /// Runs the child; whether it was killed.
    bool run_child(const std::string& word, unsigned point) const {
        std::string program = PINHOLE_MAINTENANCE_CHILD;
        std::string where = data().string();
        std::string what = word;
        std::string at = std::to_string(point);
        std::array<char*, 5> arguments{program.data(), where.data(), what.data(), at.data(),
                                       nullptr};
        pid_t child = 0;
        BOOST_REQUIRE(::posix_spawn(&child, program.c_str(), nullptr, nullptr, arguments.data(),
                                    environ) == 0);
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        const bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        BOOST_REQUIRE((was_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)));
        return was_killed;
    }
    void copy_base() const {
        std::filesystem::remove_all(data());
        std::filesystem::copy(base(), data(), std::filesystem::copy_options::recursive);
    }
    /// Some of the points at which the word can be killed.
    std::vector<unsigned> points_of(const std::string& word) {
        copy_base();
        BOOST_REQUIRE(!run_child(word, 0));
        unsigned commits = 0;
        std::ifstream{data() / "commits"} >> commits;
        BOOST_REQUIRE(commits > 0U);
        std::vector<unsigned> points;
        for (unsigned point = 1; point <= 2 * commits; ++point) {
            points.push_back(point);
        }
        std::ranges::shuffle(points, random.engine());
        points.resize(std::min(points.size(), kills_max()));
        BOOST_TEST_MESSAGE(word << ": " << commits << " commits, killed at " << points.size()
                                << " points");
        return points;
    }
    void kill_at(const std::string& word, unsigned point) const {
        copy_base();
        BOOST_REQUIRE(run_child(word, point));
    }
    /// As a server does: finishes what it has to before it serves.
    void start_and_stop() const {
        database_options options;
        options.data_dir = data();
        options.block_cache_bytes = std::size_t{16} << 20U;
        const database started{std::move(options)};
    }

    std::uint64_t seed = make_seed();
    generator random{seed};
    pinhole::test::temporary_directory directory;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(kills, kill_fixture)

BOOST_AUTO_TEST_CASE(purge) {
    plain_rows rows;
    {
        maintained in{base()};
        make_random_world(in, random, 8);
    }
    {
        // Jobs wait in it, and a server does some of them, or all, before it is stopped. Once all
        // are done there is one state that it may come to.
        copy_base();
        maintained in{data()};
        in.settle();
        rows = read_plain_rows(in.store());
    }
    for (const unsigned point : points_of("purge")) {
        BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << seed << ", point " << point) {
            kill_at("purge", point);
            {
                maintained in{data()};
                in.must_be_sound();
            }
            start_and_stop();
            {
                maintained in{data()};
                in.must_be_sound();
            }
            BOOST_TEST(!run_child("purge", 0));
            maintained in{data()};
            in.settle();
            check_purged(in, rows, at_second(600));
            in.must_be_sound();
        }
    }
}

BOOST_AUTO_TEST_CASE(repair) {
    plain_rows rows;
    {
        maintained in{base()};
        make_random_world(in, random, 4);
        in.settle();
        rows = read_plain_rows(in.store());
        // Every fifth entry of all indexes is lost, and counters drift.
        kv::commit commit;
        const auto reader = in.store().snapshot(kv::read_mode::blocking);
        for (const kv::family_id family : {families::index, families::unique}) {
            for (const auto& each : reader->walk(family, nullptr, UINT32_MAX)) {
                const auto number = static_cast<std::uint8_t>(each.row.key.front());
                const bool is_record =
                    family == families::index && (number == schema<user>::ranked_number ||
                                                  number == schema<post>::ranked_number);
                if (!is_record && random.one_in(5)) {
                    commit.operations.emplace_back(kv::erase{{each.part, family, each.row.key}});
                }
            }
        }
        for (const auto& each : reader->walk(families::counters, nullptr, 5)) {
            commit.operations.emplace_back(
                kv::add{{each.part, families::counters, each.row.key}, 3});
        }
        must_commit(in.store(), std::move(commit));
        for (const auto& [id, row] : rows) {
            if (!row.media_path.empty() && random.one_in(3)) {
                BOOST_REQUIRE(in.media().hide(row.media_path).has_value());
            }
        }
        write_file(in.media_root() / "public" / "stray", "stray");
    }
    for (const unsigned point : points_of("repair")) {
        BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << seed << ", point " << point) {
            kill_at("repair", point);
            BOOST_TEST(!run_child("repair", 0));
            maintained in{data()};
            BOOST_REQUIRE(rank_unranked(in.store()));
            in.must_be_sound();
            const plain_rows left = read_plain_rows(in.store());
            BOOST_TEST(left.size() == rows.size());
            for (const auto& [id, row] : rows) {
                BOOST_TEST((left.contains(id) && left.at(id).bytes == row.bytes), row.entity);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(reindex) {
    plain_rows rows;
    {
        maintained in{base()};
        make_random_world(in, random, 4);
        in.settle();
        rows = read_plain_rows(in.store());
        // A file whose marker still stands: the sweep at the start asks an index for its row.
        const auto& [id, kept] = *std::ranges::find_if(
            rows, [](const auto& each) { return !each.second.media_path.empty(); });
        write_file(in.media_root() / "incoming" / std::filesystem::path{kept.media_path}.filename(),
                   "marker");
    }
    for (const unsigned point : points_of("reindex")) {
        BOOST_TEST_CONTEXT("PINHOLE_TEST_SEED=" << seed << ", point " << point) {
            kill_at("reindex", point);
            start_and_stop();
            maintained in{data()};
            BOOST_TEST(!is_reindexing(*in.store().snapshot(kv::read_mode::blocking)));
            in.must_be_sound();
            const plain_rows left = read_plain_rows(in.store());
            BOOST_TEST(left.size() == rows.size());
            for (const auto& [each, row] : rows) {
                BOOST_TEST((left.contains(each) && left.at(each).bytes == row.bytes), row.entity);
            }
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
