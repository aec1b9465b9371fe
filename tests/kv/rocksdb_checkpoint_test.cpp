// Checkpoints of a store in use, and databases opened for reading alone.
#include <algorithm>
#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "storage/kv/checkpoint.hpp"
#include "tests/kv/rocksdb_fixture.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/write_ahead_log.hpp"

namespace pinhole::kv::test {
namespace {

using pinhole::test::newest_log;
using pinhole::test::temporary_directory;

std::unique_ptr<read_only_store> open_frozen(const std::filesystem::path& directory) {
    read_only_options options;
    options.directory = directory;
    options.families.assign(families.begin(), families.end());
    return open_read_only(options);
}

/// What the failure of `action` says; empty if it does not fail.
std::string failure_of(const std::function<void()>& action) {
    try {
        action();
    } catch (const storage_failure& failure) {
        return failure.what();
    }
    return "";
}

std::vector<row> rows_of(const reader& reader, part_id part) {
    return reader.scan({part, rows, "", "", 100'000, false});
}

/// Contents by name, without the lock.
std::map<std::string, std::string> contents_of(const std::filesystem::path& directory) {
    std::map<std::string, std::string> contents;
    for (const auto& entry : std::filesystem::directory_iterator(directory)) {
        if (entry.path().filename() != "LOCK") {
            std::ifstream file(entry.path(), std::ios::binary);
            contents[entry.path().filename()] = std::string(std::istreambuf_iterator(file), {});
        }
    }
    return contents;
}

/// A store that is closed again, and whose last writes are in its log alone.
void write_store(const std::filesystem::path& directory) {
    const auto store = open_rocksdb(make_options(directory));
    for (int at = 0; at < 20; ++at) {
        BOOST_REQUIRE(apply(*store, {insert{row_key(std::to_string(at)), "value"}}) == outcome::ok);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rocksdb_checkpoint)

BOOST_AUTO_TEST_CASE(a_checkpoint_holds_what_was_acknowledged_and_nothing_later) {
    const temporary_directory directory;
    const auto store = open_rocksdb(make_options(directory.path() / "db"));
    BOOST_REQUIRE(apply(*store, {put{row_key("a"), "1"}, put{index_key("b"), "2"},
                                 put{posting_key("c"), ""}, add{count_key("d"), 3}}) ==
                  outcome::ok);
    const auto before = stamp_of(*store, row_key("a"));
    make_checkpoint(*store, directory.path() / "frozen");
    BOOST_REQUIRE(apply(*store, {put{row_key("a"), "later"}, put{row_key("e"), ""},
                                 erase{index_key("b")}, add{count_key("d"), 4}}) == outcome::ok);

    const auto frozen = open_frozen(directory.path() / "frozen");
    const auto reader = frozen->snapshot();
    BOOST_TEST(reader->get(row_key("a")).value().value == "1");
    BOOST_TEST(reader->get(row_key("a")).value().stamp == before);
    BOOST_TEST(reader->get(index_key("b")).value().value == "2");
    BOOST_TEST(reader->get(posting_key("c")).has_value());
    BOOST_TEST(reader->counter(count_key("d")) == 3);
    BOOST_TEST(!reader->get(row_key("e")).has_value());
    BOOST_TEST(value(*store, row_key("a")).value() == "later");
    BOOST_TEST(counter(*store, count_key("d")) == 7);
}

/// More than is copied of a log: it is flushed instead.
BOOST_AUTO_TEST_CASE(a_checkpoint_of_a_long_log_is_flushed) {
    const temporary_directory directory;
    const auto store = open_rocksdb(make_options(directory.path() / "db"));
    constexpr int commits = 500;
    for (int at = 0; at < commits; ++at) {
        BOOST_REQUIRE(apply(*store, {put{row_key(std::to_string(at)), std::string(60'000, 'x')},
                                     add{count_key("n"), 1}}) == outcome::ok);
    }
    make_checkpoint(*store, directory.path() / "frozen");
    std::uintmax_t log_bytes = 0;
    for (const auto& [name, content] : contents_of(directory.path() / "frozen")) {
        log_bytes += name.ends_with(".log") ? content.size() : 0;
    }
    BOOST_TEST(log_bytes < std::uintmax_t{1} << 20U);
    const auto frozen = open_frozen(directory.path() / "frozen");
    const auto reader = frozen->snapshot();
    BOOST_TEST(reader->counter(count_key("n")) == commits);
    BOOST_TEST(rows_of(*reader, 1).size() == std::size_t{commits});
}

/// Each commit adds a row, an index entry and one to a counter of its writer.
BOOST_AUTO_TEST_CASE(checkpoints_under_load_hold_whole_commits_and_all_acknowledged) {
    const temporary_directory directory;
    const auto store = open_rocksdb(make_options(directory.path() / "db"));
    constexpr int writers = 8;
    std::array<std::atomic<int>, writers> acknowledged{};
    std::atomic<bool> stop = false;
    std::atomic<int> refused = 0;
    {
        std::vector<std::jthread> threads;
        for (int me = 0; me < writers; ++me) {
            threads.emplace_back([&, me] {
                for (int at = 0; !stop; ++at) {
                    const auto name = std::to_string(1'000'000 + at);
                    refused += apply(*store, {insert{row_key(name, me), std::string(3000, 'x')},
                                              insert{index_key(name, me), ""},
                                              add{count_key("n", me), 1}}) != outcome::ok;
                    acknowledged[static_cast<std::size_t>(me)] = at + 1;
                }
            });
        }
        for (int round = 0; round < 12; ++round) {
            std::array<int, writers> due{};
            for (std::size_t me = 0; me < writers; ++me) {
                due[me] = acknowledged[me];
            }
            const auto path = directory.path() / ("frozen" + std::to_string(round));
            make_checkpoint(*store, path);
            const auto frozen = open_frozen(path);
            const auto reader = frozen->snapshot();
            for (int me = 0; me < writers; ++me) {
                BOOST_TEST_INFO_SCOPE("round " << round << " writer " << me);
                const auto found = rows_of(*reader, me);
                BOOST_TEST(found.size() >=
                           static_cast<std::size_t>(due[static_cast<std::size_t>(me)]));
                const auto entries = reader->scan({me, index, "", "", 100'000, false});
                BOOST_TEST((keys_of(found) == keys_of(entries)));
                BOOST_TEST(reader->counter(count_key("n", me)) ==
                           static_cast<std::int64_t>(found.size()));
                // Without a gap, so what is there is what was committed first.
                BOOST_TEST((found.empty() ||
                            found.back().key == std::to_string(1'000'000 + found.size() - 1)));
            }
        }
        stop = true;
    }
    BOOST_TEST(refused == 0);
    BOOST_TEST((store->health() == health::ok));
}

BOOST_AUTO_TEST_CASE(a_checkpoint_of_a_checkpoint_can_be_opened_for_writing) {
    const temporary_directory directory;
    write_store(directory.path() / "db");
    {
        const auto store = open_rocksdb(make_options(directory.path() / "db"));
        make_checkpoint(*store, directory.path() / "first");
    }
    {
        const auto store = open_rocksdb(make_options(directory.path() / "first"));
        BOOST_REQUIRE(apply(*store, {insert{row_key("new"), ""}}) == outcome::ok);
        make_checkpoint(*store, directory.path() / "second");
    }
    BOOST_TEST(rows_of(*open_frozen(directory.path() / "second")->snapshot(), 1).size() == 21U);
    BOOST_TEST(rows_of(*open_frozen(directory.path() / "db")->snapshot(), 1).size() == 20U);
}

BOOST_AUTO_TEST_CASE(what_is_there_is_not_overwritten) {
    const temporary_directory directory;
    const auto store = open_rocksdb(make_options(directory.path() / "db"));
    const auto taken = directory.path() / "taken";
    std::filesystem::create_directory(taken);
    std::ofstream(taken / "precious") << "kept";
    BOOST_TEST(!failure_of([&] { make_checkpoint(*store, taken); }).empty());
    BOOST_TEST((contents_of(taken) == std::map<std::string, std::string>{{"precious", "kept"}}));
    BOOST_TEST(
        !failure_of([&] { make_checkpoint(*store, directory.path() / "no" / "x"); }).empty());
    BOOST_TEST((store->health() == health::ok));
    BOOST_TEST((apply(*store, {put{row_key("a"), ""}}) == outcome::ok));
}

/// A checkpoint's files have the names and numbers of the database's, and tidying up after one that
/// a crash cut short removes a log: the note of what was acknowledged took it for the database's.
BOOST_AUTO_TEST_CASE(a_checkpoint_leaves_the_note_of_what_was_acknowledged_alone) {
    const temporary_directory directory;
    const auto path = directory.path() / "db";
    {
        const auto store = open_rocksdb(make_options(path));
        std::filesystem::create_directory(directory.path() / "frozen.tmp");
        std::ofstream(directory.path() / "frozen.tmp" / "999999.log") << "of a crash";
        BOOST_REQUIRE(apply(*store, {put{row_key("a"), ""}}) == outcome::ok);
        make_checkpoint(*store, directory.path() / "frozen");
        BOOST_REQUIRE(apply(*store, {put{row_key("b"), ""}}) == outcome::ok);
    }
    BOOST_TEST(!std::filesystem::exists(directory.path() / "frozen.tmp"));
    const auto log = newest_log(path);
    std::filesystem::resize_file(log, std::filesystem::file_size(log) - 20);
    BOOST_TEST(failure_of([&] { open_rocksdb(make_options(path)); }).contains("ends too early"));
    // So does who only reads.
    BOOST_TEST(failure_of([&] { open_frozen(path); }).contains("ends too early"));
}

BOOST_AUTO_TEST_CASE(reading_alone_changes_nothing) {
    const temporary_directory directory;
    write_store(directory.path());
    const auto before = contents_of(directory.path());
    {
        const auto frozen = open_frozen(directory.path());
        const auto reader = frozen->snapshot();
        BOOST_TEST(rows_of(*reader, 1).size() == 20U);
        BOOST_TEST(reader->walk(rows, nullptr, 100).size() == 20U);
        BOOST_TEST((contents_of(directory.path()) == before));
        // Nobody may write meanwhile.
        BOOST_TEST(failure_of([&] {
                       open_rocksdb(make_options(directory.path()));
                   }).contains("already open"));
    }
    BOOST_TEST((contents_of(directory.path()) == before));
    BOOST_TEST(count_rows(*open_rocksdb(make_options(directory.path()))) == 20);
}

BOOST_AUTO_TEST_CASE(a_database_in_use_is_not_opened_for_reading) {
    const temporary_directory directory;
    const auto store = open_rocksdb(make_options(directory.path()));
    BOOST_TEST(failure_of([&] { open_frozen(directory.path()); }).contains("already open"));
}

BOOST_AUTO_TEST_CASE(what_is_no_database_is_not_made_one) {
    const temporary_directory directory;
    BOOST_TEST(failure_of([&] {
                   open_frozen(directory.path() / "absent");
               }).contains("there is no database"));
    BOOST_TEST(!std::filesystem::exists(directory.path() / "absent"));
    BOOST_TEST(failure_of([&] { open_frozen(directory.path()); }).contains("there is no database"));
    BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

BOOST_AUTO_TEST_CASE(another_versions_database_is_refused) {
    const temporary_directory directory;
    auto other = make_options(directory.path());
    other.families.push_back({9, "of_the_future", family_kind::rows});
    open_rocksdb(other);
    BOOST_TEST(failure_of([&] { open_frozen(directory.path()); }).contains("of_the_future"));

    read_only_options newer;
    newer.directory = directory.path();
    newer.families.assign(other.families.begin(), other.families.end());
    newer.families.push_back({10, "newer_still", family_kind::rows});
    BOOST_TEST(failure_of([&] { open_read_only(newer); }).contains("older version"));
}

BOOST_AUTO_TEST_CASE(a_store_that_cannot_be_frozen_says_so) {
    struct remote_store final : store {
        std::unique_ptr<reader> snapshot(read_mode) const override { return nullptr; }
        void submit(kv::commit, completion) override {}
        kv::health health() const override { return health::ok; }
        kv::capabilities capabilities() const override { return {}; }
    };
    const temporary_directory directory;
    BOOST_TEST(failure_of([&] {
                   make_checkpoint(remote_store(), directory.path() / "frozen");
               }).contains("cannot be made"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::kv::test
