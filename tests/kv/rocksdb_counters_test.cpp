// What the store counts of its own work.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "storage/kv/statistics.hpp"
#include "tests/kv/rocksdb_fixture.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::kv::test {

BOOST_AUTO_TEST_SUITE(rocksdb_counters)

namespace {

const key first{1, rows, "first"};
const key second{1, rows, "second"};

struct opened {
    pinhole::test::temporary_directory directory;
    rocksdb_options options = make_options(directory.path() / "db");
    std::unique_ptr<store> kv;

    void open() {
        kv.reset();
        kv = open_rocksdb(options);
    }
    store_counters counters() const { return counters_of(*kv)->counters(); }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(commits_are_counted_by_outcome, opened) {
    open();
    const auto before = counters();
    BOOST_TEST((kv->submit_and_wait({{insert{first, "1"}}}) == outcome::ok));
    BOOST_TEST((kv->submit_and_wait({{put{second, "2"}}}) == outcome::ok));
    BOOST_TEST((kv->submit_and_wait({{insert{first, "1"}}}) == outcome::exists));
    BOOST_TEST(
        (kv->submit_and_wait({{check{first, 12'345}, put{first, "3"}}}) == outcome::conflict));
    const auto after = counters();
    BOOST_TEST(after.commits_ok - before.commits_ok == 2U);
    BOOST_TEST(after.commits_exists - before.commits_exists == 1U);
    BOOST_TEST(after.commits_conflict - before.commits_conflict == 1U);
    BOOST_TEST(after.commits_unknown == 0U);
    BOOST_TEST(after.commits_unavailable == 0U);
    BOOST_TEST(after.commits_waiting == 0U);
    BOOST_TEST(after.commit_groups - before.commit_groups == 2U);  // two wrote something
    BOOST_TEST(after.log_syncs - before.log_syncs == 2U);
    BOOST_TEST(after.log_bytes_written > before.log_bytes_written);
    BOOST_TEST(after.stall_us == 0U);
}

BOOST_FIXTURE_TEST_CASE(commits_without_room_are_counted, opened) {
    options.free_bytes = [] { return std::uint64_t{0}; };
    open();
    BOOST_TEST((kv->submit_and_wait({{put{first, "1"}}}) == outcome::unavailable));
    BOOST_TEST(counters().commits_unavailable == 1U);
    BOOST_TEST(counters().commit_groups == 0U);
}

BOOST_FIXTURE_TEST_CASE(without_sync_nothing_is_synced, opened) {
    options.sync = false;
    open();
    const auto before = counters().log_syncs;
    BOOST_TEST((kv->submit_and_wait({{put{first, "1"}}}) == outcome::ok));
    BOOST_TEST(counters().log_syncs == before);
}

BOOST_FIXTURE_TEST_CASE(a_block_is_missed_once_and_found_then, opened) {
    open();
    BOOST_TEST((kv->submit_and_wait({{put{first, "1"}}}) == outcome::ok));
    open();  // brings the log's rows into tables
    const auto fresh = counters();
    const auto read = [this] { return kv->snapshot(read_mode::blocking)->get(first)->value; };
    BOOST_TEST(read() == "1");
    const auto cold = counters();
    BOOST_TEST(cold.cache_misses > fresh.cache_misses);
    BOOST_TEST(cold.table_bytes_read > fresh.table_bytes_read);
    BOOST_TEST(read() == "1");
    const auto warm = counters();
    BOOST_TEST(warm.cache_misses == cold.cache_misses);
    BOOST_TEST(warm.table_bytes_read == cold.table_bytes_read);
    BOOST_TEST(warm.cache_hits > cold.cache_hits);
}

/// More than a memtable holds, so that one has to be written out.
BOOST_FIXTURE_TEST_CASE(what_is_flushed_is_counted, opened) {
    open();
    BOOST_TEST((kv->submit_and_wait({{put{first, "1"}}}) == outcome::ok));
    BOOST_TEST(counters().flush_bytes_written == 0U);
    constexpr int commits = 24;
    constexpr int puts = 16;
    for (int i = 0; i < commits; ++i) {
        commit filling;
        for (int n = 0; n < puts; ++n) {
            filling.operations.emplace_back(
                put{row_key(std::to_string(i * puts + n)), std::string(value_bytes_max, 'x')});
        }
        BOOST_TEST((kv->submit_and_wait(std::move(filling)) == outcome::ok));
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (counters().flush_bytes_written == 0 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::yield();
    }
    BOOST_TEST(counters().flush_bytes_written > 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::kv::test
