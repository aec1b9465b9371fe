// What is particular to the RocksDB backend: opening, the cached mode, damage, the queue.
#include "storage/kv/rocksdb_store.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <latch>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/kv/rocksdb_fixture.hpp"
#include "tests/kv/store_conformance.hpp"
#include "tests/support/temporary_directory.hpp"
#include "tests/support/write_ahead_log.hpp"

namespace pinhole::kv::test {
namespace {

using pinhole::test::flip_byte;
using pinhole::test::flip_byte_in_the_middle;
using pinhole::test::newest_log;
using pinhole::test::temporary_directory;

class rocksdb_backend final : public backend {
public:
    std::unique_ptr<store> open() override { return open_rocksdb(make_options(directory_.path())); }

private:
    temporary_directory directory_;
};

const bool registered = (register_conformance("rocksdb_conformance",
                                              [] { return std::make_unique<rocksdb_backend>(); }),
                         true);

/// What opening says when it refuses; none when it opens.
std::optional<std::string> refusal(const rocksdb_options& options) {
    try {
        open_rocksdb(options);
        return std::nullopt;
    } catch (const storage_failure& failure) {
        return failure.what();
    }
}

bool contains(const std::optional<std::string>& text, std::string_view part) {
    return text && text->find(part) != std::string::npos;
}

constexpr int written = 100;

void write_rows(const std::filesystem::path& directory) {
    const auto store = open_rocksdb(make_options(directory));
    for (int number = 0; number < written; ++number) {
        BOOST_REQUIRE(apply(*store, {insert{row_key(std::to_string(number)),
                                            std::string(100, 'v')}}) == outcome::ok);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rocksdb)

BOOST_AUTO_TEST_CASE(a_second_open_in_the_process_is_refused) {
    const temporary_directory directory;
    const auto store = open_rocksdb(make_options(directory.path()));
    BOOST_TEST(contains(refusal(make_options(directory.path())), "already open"));
}

// Not a test of its own: the other process of the next one, which runs it by name.
BOOST_AUTO_TEST_CASE(hold_a_store_for_another_process, *boost::unit_test::disabled()) {
    const char* directory = std::getenv("PINHOLE_TEST_HOLD_DIRECTORY");
    BOOST_REQUIRE(directory != nullptr);
    const auto store = open_rocksdb(make_options(directory));
    char byte = '!';
    BOOST_REQUIRE_EQUAL(::write(STDOUT_FILENO, &byte, 1), 1);
    // Until the other side closes its end.
    BOOST_REQUIRE_EQUAL(::read(STDIN_FILENO, &byte, 1), 0);
}

BOOST_AUTO_TEST_CASE(a_second_process_is_refused) {
    const temporary_directory directory;
    int from_child[2];
    int to_child[2];
    BOOST_REQUIRE_EQUAL(::pipe2(from_child, O_CLOEXEC), 0);
    BOOST_REQUIRE_EQUAL(::pipe2(to_child, O_CLOEXEC), 0);
    posix_spawn_file_actions_t files;
    BOOST_REQUIRE_EQUAL(::posix_spawn_file_actions_init(&files), 0);
    ::posix_spawn_file_actions_adddup2(&files, to_child[0], STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&files, from_child[1], STDOUT_FILENO);
    std::vector<std::string> words{"test_kv", "--run_test=rocksdb/hold_a_store_for_another_process",
                                   "--log_level=nothing", "--report_level=no"};
    std::vector<char*> arguments;
    arguments.reserve(words.size() + 1);
    for (auto& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    ::setenv("PINHOLE_TEST_HOLD_DIRECTORY", directory.path().c_str(), 1);
    pid_t child = 0;
    BOOST_REQUIRE_EQUAL(
        ::posix_spawn(&child, "/proc/self/exe", &files, nullptr, arguments.data(), environ), 0);
    ::posix_spawn_file_actions_destroy(&files);
    ::close(from_child[1]);
    ::close(to_child[0]);

    // Boost.Test may greet first; the store is open once the marker comes.
    char byte = 0;
    while (byte != '!') {
        BOOST_REQUIRE_EQUAL(::read(from_child[0], &byte, 1), 1);
    }
    BOOST_TEST(contains(refusal(make_options(directory.path())), "already open"));
    ::close(to_child[1]);
    int status = 0;
    BOOST_REQUIRE_EQUAL(::waitpid(child, &status, 0), child);
    BOOST_TEST(status == 0);
    ::close(from_child[0]);
    // The lock went with the process.
    BOOST_TEST(!refusal(make_options(directory.path())).has_value());
}

BOOST_AUTO_TEST_CASE(a_family_unknown_to_this_version_is_refused) {
    const temporary_directory directory;
    auto newer = make_options(directory.path());
    newer.families.push_back({9, "from_the_future", family_kind::rows});
    BOOST_TEST(!refusal(newer).has_value());
    BOOST_TEST(contains(refusal(make_options(directory.path())), "9.from_the_future"));
    BOOST_TEST(!refusal(newer).has_value());
    // A number that changed its name is another family.
    auto renamed = newer;
    renamed.families.back().name = "renamed";
    BOOST_TEST(contains(refusal(renamed), "9.from_the_future"));
}

BOOST_AUTO_TEST_CASE(a_new_family_is_made) {
    const temporary_directory directory;
    write_rows(directory.path());
    auto newer = make_options(directory.path());
    newer.families.push_back({9, "added", family_kind::rows});
    const auto store = open_rocksdb(newer);
    BOOST_TEST((apply(*store, {insert{{1, 9, "k"}, ""}}) == outcome::ok));
    BOOST_TEST(count_rows(*store) == written);
}

BOOST_AUTO_TEST_CASE(a_cached_reader_never_goes_to_the_disk) {
    const temporary_directory directory;
    {
        const auto store = open_rocksdb(make_options(directory.path()));
        BOOST_REQUIRE(apply(*store, {put{row_key("k"), "v"}, put{index_key("k"), "v"},
                                     add{count_key("k"), 1}}) == outcome::ok);
        // What is in memory answers.
        BOOST_TEST(store->snapshot(read_mode::cached)->get(row_key("k")).has_value());
    }
    const auto store = open_rocksdb(make_options(directory.path()));
    BOOST_TEST(store->capabilities().cached_reads);
    const std::vector<key> keys{row_key("k"), row_key("absent")};
    const std::vector<key> count_keys{count_key("k")};
    const range range{1, index, "", "", 10, false};
    const auto cold = store->snapshot(read_mode::cached);
    BOOST_CHECK_THROW(cold->get(row_key("k")), would_block);
    BOOST_CHECK_THROW(cold->multi_get(keys), would_block);
    BOOST_CHECK_THROW(cold->scan(range), would_block);
    BOOST_CHECK_THROW(cold->scan({1, index, "", "", 10, true}), would_block);
    BOOST_CHECK_THROW(cold->counter(count_key("k")), would_block);
    BOOST_CHECK_THROW(cold->counters(count_keys), would_block);

    const auto blocking = store->snapshot(read_mode::blocking);
    BOOST_TEST(blocking->get(row_key("k")).value().value == "v");
    BOOST_TEST(blocking->scan(range).size() == 1U);
    BOOST_TEST(blocking->counter(count_key("k")) == 1);

    // The same cached reader, after another has brought the blocks.
    BOOST_TEST(cold->get(row_key("k")).value().value == "v");
    BOOST_TEST(cold->multi_get(keys).at(0).value().value == "v");
    BOOST_TEST(!cold->multi_get(keys).at(1).has_value());
    BOOST_TEST(cold->scan(range).size() == 1U);
    BOOST_TEST(cold->counters(count_keys).at(0) == 1);
}

BOOST_AUTO_TEST_CASE(a_cached_reader_is_right_or_blocks) {
    const temporary_directory directory;
    constexpr int count = 4000;
    const auto name = [](int number) { return std::to_string(number % count); };
    {
        const auto store = open_rocksdb(make_options(directory.path()));
        for (int number = 0; number < count; number += 100) {
            std::vector<operation> operations;
            for (int each = number; each < number + 100; ++each) {
                operations.emplace_back(put{row_key(name(each)), std::string(500, 'v')});
                operations.emplace_back(put{index_key(name(each)), name(each)});
                operations.emplace_back(add{count_key(name(each)), each});
            }
            BOOST_REQUIRE(apply(*store, operations) == outcome::ok);
        }
    }
    // Far too small: data, indexes and filters come and go.
    auto options = make_options(directory.path());
    options.block_cache_bytes = std::size_t{2560} << 10U;
    const auto store = open_rocksdb(options);
    std::mt19937 random(3);
    int blocked = 0;
    int answered = 0;
    for (int round = 0; round < 4000; ++round) {
        std::vector<key> keys;
        std::vector<key> count_keys;
        const int first = static_cast<int>(random() % count);
        const int step = round % 2 == 0 ? 1 : 997;
        for (int at = 0; at < 1 + round % 8; ++at) {
            keys.push_back(row_key(name(first + at * step)));
            keys.push_back(index_key(name(first + at * step)));
            keys.push_back(row_key("absent" + name(first + at * step)));
            count_keys.push_back(count_key(name(first + at * step)));
        }
        const auto truth = store->snapshot(read_mode::blocking);
        // A neighbour warms some of the blocks, so that batches are warm in part.
        BOOST_REQUIRE(truth->get(keys.front()).has_value());
        const auto cached = store->snapshot(read_mode::cached);
        try {
            const auto found = cached->multi_get(keys);
            const auto sums = cached->counters(count_keys);
            for (std::size_t at = 0; at < keys.size(); ++at) {
                const auto expected = truth->get(keys[at]);
                BOOST_REQUIRE_EQUAL(found[at].has_value(), expected.has_value());
                BOOST_REQUIRE(!expected || found[at]->value == expected->value);
            }
            for (std::size_t at = 0; at < sums.size(); ++at) {
                BOOST_REQUIRE_EQUAL(std::to_string(sums[at]), count_keys[at].bytes);
            }
            ++answered;
        } catch (const would_block&) {
            ++blocked;
            truth->multi_get(keys);
            truth->counters(count_keys);
        }
    }
    BOOST_TEST(blocked > 0);
    BOOST_TEST(answered > 0);
}

BOOST_AUTO_TEST_CASE(deletions_at_the_end_of_an_index_are_compacted_away) {
    const temporary_directory directory;
    constexpr int count = 6000;
    const auto name = [](int number) { return std::to_string(100'000 + number); };
    const auto change_all = [&](const auto& make_operation) {
        // Opening anew brings what was written before to a table of its own.
        const auto store = open_rocksdb(make_options(directory.path()));
        for (int number = 0; number < count;) {
            std::vector<operation> operations;
            for (int each = 0; each < 100; ++each, ++number) {
                operations.push_back(make_operation(index_key(name(number))));
            }
            BOOST_REQUIRE(apply(*store, operations) == outcome::ok);
        }
    };
    change_all([](key key) -> operation { return put{std::move(key), ""}; });
    // All but the first row.
    change_all([&](key key) -> operation {
        return key.bytes == name(0) ? operation(put{std::move(key), ""})
                                    : operation(erase{std::move(key)});
    });
    const auto store = open_rocksdb(make_options(directory.path()));
    const range last{1, index, "", "", 1, true};
    const auto reads_cached = [&] {
        BOOST_REQUIRE(scan(*store, last).size() == 1U);
        try {
            return store->snapshot(read_mode::cached)->scan(last).size() == 1U;
        } catch (const would_block&) {
            return false;
        }
    };
    // The compaction runs beside us; a reader that meets the deletions gives up until it is done.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    bool done = reads_cached();
    while (!done && std::chrono::steady_clock::now() < deadline) {
        done = reads_cached();
    }
    BOOST_TEST(done);
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_in_the_log_is_refused) {
    const temporary_directory directory;
    write_rows(directory.path());
    flip_byte_in_the_middle(newest_log(directory.path()));
    const auto answer = refusal(make_options(directory.path()));
    BOOST_TEST(contains(answer, "is damaged"));
    BOOST_TEST(contains(answer, directory.path().string()));
    BOOST_TEST(contains(answer, "--damaged-wal truncate"));

    log_keeper log;
    auto truncating = make_options(directory.path());
    truncating.log = log.function();
    truncating.on_damaged_log = damaged_log::truncate;
    const auto store = open_rocksdb(truncating);
    BOOST_TEST(log.has(log_level::warning, "acknowledged writes behind it are lost"));
    BOOST_TEST(count_rows(*store) > 0);
    BOOST_TEST(count_rows(*store) < written);
    BOOST_TEST((apply(*store, {insert{row_key("new"), ""}}) == outcome::ok));
}

/// The record that was being written in a crash: its header says more than there is.
BOOST_AUTO_TEST_CASE(a_torn_tail_is_accepted) {
    const temporary_directory directory;
    write_rows(directory.path());
    std::ofstream(newest_log(directory.path()), std::ios::binary | std::ios::app)
        << std::string("sums\x60\x00\x01 half a record", 21);
    const auto store = open_rocksdb(make_options(directory.path()));
    BOOST_TEST(count_rows(*store) == written);
}

/// To RocksDB a log without its end is one that a crash has torn.
BOOST_AUTO_TEST_CASE(a_log_without_its_end_lost_acknowledged_writes) {
    const temporary_directory directory;
    write_rows(directory.path());
    const auto log = newest_log(directory.path());
    std::filesystem::resize_file(log, std::filesystem::file_size(log) - 20);
    const auto answer = refusal(make_options(directory.path()));
    BOOST_TEST(contains(answer, log.filename().string() + " ends too early"));
    BOOST_TEST(contains(answer, "--damaged-wal truncate"));

    auto truncating = make_options(directory.path());
    truncating.on_damaged_log = damaged_log::truncate;
    BOOST_TEST(count_rows(*open_rocksdb(truncating)) == written - 1);
    // What is lost is settled: it is not asked for again.
    BOOST_TEST(count_rows(*open_rocksdb(make_options(directory.path()))) == written - 1);
}

BOOST_AUTO_TEST_CASE(a_log_that_is_gone_lost_acknowledged_writes) {
    const temporary_directory directory;
    write_rows(directory.path());
    const auto log = newest_log(directory.path());
    std::filesystem::remove(log);
    BOOST_TEST(
        contains(refusal(make_options(directory.path())), log.filename().string() + " is missing"));
}

/// Among them the lengths of the last records, which then seem to be torn.
BOOST_AUTO_TEST_CASE(a_flipped_byte_in_the_last_records_lost_acknowledged_writes) {
    const temporary_directory directory;
    const auto sound = directory.path() / "sound";
    write_rows(sound);
    const auto log = newest_log(sound).filename();
    const auto bytes = std::filesystem::file_size(sound / log);
    const auto damaged = directory.path() / "damaged";
    for (auto offset = bytes - 150; offset < bytes; ++offset) {
        std::filesystem::remove_all(damaged);
        std::filesystem::copy(sound, damaged);
        flip_byte(damaged / log, offset);
        BOOST_TEST_INFO_SCOPE("byte " << offset << " of " << bytes);
        BOOST_TEST(contains(refusal(make_options(damaged)), "is damaged"));
    }
}

/// A manifest without its end forgets tables whose logs are gone.
BOOST_AUTO_TEST_CASE(a_manifest_without_its_end_lost_tables) {
    const temporary_directory directory;
    const auto sound = directory.path() / "sound";
    write_rows(sound);
    open_rocksdb(make_options(sound));  // what was in the log now lies in tables
    std::filesystem::path manifest;
    for (const auto& entry : std::filesystem::directory_iterator(sound)) {
        if (contains(entry.path().filename().string(), "MANIFEST-")) {
            manifest = entry.path().filename();
        }
    }
    const auto bytes = std::filesystem::file_size(sound / manifest);
    const auto damaged = directory.path() / "damaged";
    for (std::uintmax_t left = 0; left < bytes; left += 7) {
        std::filesystem::remove_all(damaged);
        std::filesystem::copy(sound, damaged);
        std::filesystem::resize_file(damaged / manifest, left);
        BOOST_TEST_INFO_SCOPE("cut to " << left << " of " << bytes);
        BOOST_TEST(contains(refusal(make_options(damaged)), "damaged"));
    }
    BOOST_TEST(count_rows(*open_rocksdb(make_options(sound))) == written);
}

/// By a version that kept no note of what it had acknowledged, or after a power cut took it.
BOOST_AUTO_TEST_CASE(a_database_without_its_note_opens) {
    for (const std::string& left : {std::string(), std::string(256, '\0'), std::string("?")}) {
        const temporary_directory directory;
        write_rows(directory.path());
        std::ofstream(directory.path() / "acknowledged", std::ios::trunc) << left;
        log_keeper log;
        auto options = make_options(directory.path());
        options.log = log.function();
        BOOST_TEST(count_rows(*open_rocksdb(options)) == written);
        BOOST_TEST(log.has(log_level::warning, "acknowledged is damaged") == (left == "?"));
        std::filesystem::remove(directory.path() / "acknowledged");
        BOOST_TEST(count_rows(*open_rocksdb(options)) == written);
    }
}

BOOST_AUTO_TEST_CASE(a_lost_current_file_is_not_taken_for_a_new_database) {
    const temporary_directory directory;
    write_rows(directory.path());
    std::filesystem::remove(directory.path() / "CURRENT");
    BOOST_TEST(contains(refusal(make_options(directory.path())), "CURRENT is missing"));
}

BOOST_AUTO_TEST_CASE(a_damaged_table_fails_what_needs_it_and_nothing_else) {
    const temporary_directory directory;
    log_keeper log;
    std::atomic<int> failures = 0;
    auto options = make_options(directory.path());
    options.log = log.function();
    options.on_failure = [&] { ++failures; };
    write_rows(directory.path());
    // Opening moves the rows from the log to a table.
    open_rocksdb(options);
    for (const auto& entry : std::filesystem::directory_iterator(directory.path())) {
        if (entry.path().extension() == ".sst") {
            std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
            file.seekp(100);
            file.write("damaged", 7);
        }
    }
    const auto store = open_rocksdb(options);
    // While it lives, RocksDB does not compact the table, which would meet the damage as well.
    const auto oldest = store->snapshot(read_mode::blocking);
    BOOST_CHECK_EXCEPTION(get(*store, row_key("0")), storage_failure, [](const auto& failure) {
        return contains(failure.what(), "reading family rows: Corruption");
    });
    // A commit that must read the damaged row leaves no trace, also of what preceded the check.
    BOOST_TEST(
        (apply(*store, {put{row_key("new"), ""}, check{row_key("0"), 1}}) == outcome::unavailable));
    BOOST_TEST((apply(*store, {insert{index_key("k"), ""}}) == outcome::ok));
    BOOST_TEST(get(*store, index_key("k")).has_value());
    BOOST_TEST((apply(*store, {put{row_key("0"), "mended"}}) == outcome::ok));
    BOOST_TEST(value(*store, row_key("0")).value() == "mended");
    BOOST_TEST((store->health() == health::ok));
    BOOST_TEST(failures == 0);
}

BOOST_AUTO_TEST_CASE(sync_off_is_said_in_the_log) {
    const temporary_directory directory;
    log_keeper log;
    auto options = make_options(directory.path());
    options.log = log.function();
    open_rocksdb(options);
    BOOST_TEST(!log.has(log_level::warning, "sync is off"));
    options.sync = false;
    const auto store = open_rocksdb(options);
    BOOST_TEST(log.has(log_level::warning, "sync is off"));
    BOOST_TEST((apply(*store, {insert{row_key("k"), ""}}) == outcome::ok));
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_at_once) {
    const temporary_directory directory;
    auto options = make_options(directory.path());
    options.queue_commits_max = 4;
    std::latch inside(1);
    std::latch release(1);
    std::atomic<int> done = 0;
    {
        const auto store = open_rocksdb(options);
        store->submit({{put{row_key("first"), ""}}}, [&](outcome) {
            inside.count_down();
            release.wait();
        });
        inside.wait();
        // The commit thread is held in the completion: nothing leaves the queue.
        for (int number = 0; number < 4; ++number) {
            store->submit({{put{row_key(std::to_string(number)), ""}}},
                          [&](outcome result) { done += result == outcome::ok; });
        }
        auto refused = outcome::ok;
        store->submit({{put{row_key("fifth"), ""}}}, [&](outcome result) { refused = result; });
        BOOST_TEST((refused == outcome::unavailable));
        release.count_down();
    }
    BOOST_TEST(done == 4);
    BOOST_TEST(count_rows(*open_rocksdb(options)) == 5);
}

BOOST_AUTO_TEST_CASE(a_queue_of_too_many_bytes_refuses_at_once) {
    const temporary_directory directory;
    auto options = make_options(directory.path());
    options.queue_bytes_max = 10'000;
    const auto store = open_rocksdb(options);
    BOOST_TEST((apply(*store, {put{row_key("k"), std::string(9'000, 'v')}}) == outcome::ok));
    BOOST_TEST(
        (apply(*store, {put{row_key("k"), std::string(10'001, 'v')}}) == outcome::unavailable));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::kv::test
