// The RocksDB store on a disk that is nearly full, full, or fails.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/kv/rocksdb_fixture.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::kv::test {
namespace {

using pinhole::test::temporary_directory;

}  // namespace

BOOST_AUTO_TEST_SUITE(rocksdb_disk)

namespace {

/// A disk whose room the test sets; it can wait until the store has looked.
class disk {
public:
    std::function<std::uint64_t()> function() {
        return [this] {
            const std::lock_guard lock(mutex_);
            ++looks_;
            looked_.notify_all();
            return free_bytes_;
        };
    }

    /// Returns when the store has acted on it: it has begun the look after the one that saw it.
    void set_free_bytes(std::uint64_t bytes) {
        std::unique_lock lock(mutex_);
        free_bytes_ = bytes;
        looked_.wait(lock, [this, until = looks_ + 2] { return looks_ >= until; });
    }

private:
    std::mutex mutex_;
    std::condition_variable looked_;
    std::uint64_t free_bytes_ = std::uint64_t{1} << 40U;
    int looks_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_CASE(low_room_refuses_writes_and_heals) {
    const temporary_directory directory;
    disk disk;
    log_keeper log;
    auto options = make_options(directory.path());
    options.free_bytes = disk.function();
    options.room_interval = std::chrono::milliseconds(1);
    options.log = log.function();
    const auto store = open_rocksdb(options);
    BOOST_REQUIRE(apply(*store, {put{row_key("before"), ""}}) == outcome::ok);

    disk.set_free_bytes(options.reserve_bytes - 1);
    BOOST_TEST((store->health() == health::full));
    BOOST_TEST((apply(*store, {put{row_key("refused"), ""}}) == outcome::unavailable));
    BOOST_TEST(value(*store, row_key("before")).has_value());
    BOOST_TEST(log.has(log_level::warning, "less room than the reserve"));
    const auto make_room = [&] {
        return store->submit_and_wait({{erase{row_key("before")}}, true});
    };
    disk.set_free_bytes(reserve_bytes_min - 1);
    BOOST_TEST((make_room() == outcome::unavailable));
    disk.set_free_bytes(reserve_bytes_min);
    BOOST_TEST((make_room() == outcome::ok));
    BOOST_TEST((apply(*store, {put{row_key("refused"), ""}}) == outcome::unavailable));

    disk.set_free_bytes(options.reserve_bytes);
    BOOST_TEST((store->health() == health::ok));
    BOOST_TEST((apply(*store, {put{row_key("after"), ""}}) == outcome::ok));
    BOOST_TEST(
        (keys_of(scan(*store, {1, rows, "", "", 10, false})) == std::vector<std::string>{"after"}));
}

BOOST_AUTO_TEST_CASE(a_reserve_too_small_to_flush_is_raised) {
    for (const std::uint64_t asked : {std::uint64_t{1}, reserve_bytes_min - 1}) {
        const temporary_directory directory;
        disk disk;
        log_keeper log;
        auto options = make_options(directory.path());
        options.free_bytes = disk.function();
        options.room_interval = std::chrono::milliseconds(1);
        options.reserve_bytes = asked;
        options.log = log.function();
        const auto store = open_rocksdb(options);
        BOOST_TEST(log.has(log_level::warning, "raised to 33554432"));
        disk.set_free_bytes(reserve_bytes_min - 1);
        BOOST_TEST((store->health() == health::full));
        disk.set_free_bytes(reserve_bytes_min);
        BOOST_TEST((store->health() == health::ok));
    }
}

namespace {

/// While it lives, no file of the process may grow beyond so many bytes: writes fail with EFBIG.
class file_size_limit {
public:
    explicit file_size_limit(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        const rlimit limit{bytes, before_.rlim_max};
        ::setrlimit(RLIMIT_FSIZE, &limit);
    }
    ~file_size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, signal_);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;

private:
    void (*signal_)(int);
    rlimit before_{};
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_write_error_is_final) {
    const temporary_directory directory;
    log_keeper log;
    std::atomic<int> failures = 0;
    auto options = make_options(directory.path());
    options.log = log.function();
    options.on_failure = [&] { ++failures; };
    std::vector<std::string> acknowledged;
    std::string uncertain;
    {
        const auto store = open_rocksdb(options);
        const file_size_limit limit(rlim_t{1} << 20U);
        const std::string big(value_bytes_max, 'v');
        auto result = outcome::ok;
        for (int number = 0; result == outcome::ok && number < 100; ++number) {
            uncertain = std::to_string(number);
            result = apply(*store, {put{row_key(uncertain), big}});
            if (result == outcome::ok) {
                acknowledged.push_back(uncertain);
            }
        }
        BOOST_TEST((result == outcome::unknown));
        BOOST_TEST(!acknowledged.empty());
        BOOST_TEST((store->health() == health::failed));
        BOOST_TEST((apply(*store, {put{row_key("late"), ""}}) == outcome::unavailable));
        BOOST_TEST(value(*store, row_key(acknowledged.front())).has_value());
        BOOST_TEST(failures == 1);
        BOOST_TEST(log.has(log_level::error, "no write is acknowledged any more"));
    }
    const auto store = open_rocksdb(options);
    for (const auto& name : acknowledged) {
        BOOST_TEST(value(*store, row_key(name)).has_value());
    }
    BOOST_TEST(!value(*store, row_key("late")).has_value());
    BOOST_TEST((apply(*store, {put{row_key("again"), ""}}) == outcome::ok));
}

namespace {

/// Makes every later read of the process's open table files fail, as a broken disk would: their
/// descriptors become those of a folder.
void refuse_table_reads() {
    const int folder = ::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    BOOST_REQUIRE(folder >= 0);
    int replaced = 0;
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        if (std::filesystem::read_symlink(entry.path(), gone).extension() == ".sst") {
            ::dup3(folder, std::stoi(entry.path().filename()), O_CLOEXEC);
            ++replaced;
        }
    }
    ::close(folder);
    BOOST_REQUIRE(replaced > 0);
}

/// A store of one row, which lies in a table that no cache knows.
struct store_on_a_broken_disk {
    store_on_a_broken_disk() {
        BOOST_REQUIRE(apply(*open_rocksdb(options()), {put{row_key("k"), "v"}}) == outcome::ok);
        open_rocksdb(options());
        store = open_rocksdb(options());
        refuse_table_reads();
    }

    rocksdb_options options() {
        auto made = make_options(directory.path());
        made.on_failure = [this] { ++failures; };
        return made;
    }

    temporary_directory directory;
    std::atomic<int> failures = 0;
    std::unique_ptr<kv::store> store;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_read_error_is_final) {
    store_on_a_broken_disk broken;
    BOOST_CHECK_THROW(get(*broken.store, row_key("k")), storage_failure);
    BOOST_TEST((broken.store->health() == health::failed));
    BOOST_TEST(broken.failures == 1);
    BOOST_TEST((apply(*broken.store, {put{row_key("late"), ""}}) == outcome::unavailable));
    broken.store.reset();
    BOOST_TEST(value(*open_rocksdb(broken.options()), row_key("k")).value() == "v");
}

BOOST_AUTO_TEST_CASE(a_read_error_of_a_scan_and_of_a_batch_is_final) {
    const std::vector<key> keys{row_key("k")};
    const std::vector<std::function<void(const reader&)>> reads{
        [&](const reader& reader) { reader.multi_get(keys); },
        [&](const reader& reader) { reader.scan({1, rows, "", "", 10, false}); }};
    for (const auto& read : reads) {
        const store_on_a_broken_disk broken;
        BOOST_CHECK_THROW(read(*broken.store->snapshot(read_mode::blocking)), storage_failure);
        BOOST_TEST((broken.store->health() == health::failed));
        BOOST_TEST(broken.failures == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_read_error_on_the_commit_thread_is_final) {
    const store_on_a_broken_disk broken;
    BOOST_TEST((apply(*broken.store, {put{row_key("a"), ""}, check{row_key("k"), 1}}) ==
                outcome::unavailable));
    BOOST_TEST((broken.store->health() == health::failed));
    BOOST_TEST(broken.failures == 1);
}

namespace {

/// A file system of its own, of so many bytes, in memory. Needs the right to mount.
class small_disk {
public:
    explicit small_disk(std::size_t bytes) {
        const auto size = "size=" + std::to_string(bytes);
        mounted_ = ::mount("tmpfs", directory_.path().c_str(), "tmpfs", 0, size.c_str()) == 0;
    }
    ~small_disk() {
        if (mounted_) {
            ::umount(directory_.path().c_str());
        }
    }
    small_disk(const small_disk&) = delete;
    small_disk& operator=(const small_disk&) = delete;

    bool mounted() const { return mounted_; }
    const std::filesystem::path& path() const { return directory_.path(); }

private:
    temporary_directory directory_;
    bool mounted_ = false;
};

boost::test_tools::assertion_result can_mount(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result result(small_disk(4096).mounted());
    result.message() << "needs the right to mount a file system";
    return result;
}

/// Takes all but so many bytes of the disk.
void fill(const small_disk& disk, std::uintmax_t left_bytes) {
    const auto available = std::filesystem::space(disk.path()).available;
    const std::vector<char> zeros(available - left_bytes);
    std::ofstream file(disk.path() / "ballast", std::ios::binary);
    file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
    file.close();
    BOOST_REQUIRE(file.good());
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_full_disk_refuses_writes_and_heals,
                     *boost::unit_test::precondition(can_mount)) {
    const small_disk disk(std::size_t{128} << 20U);
    log_keeper log;
    auto options = make_options(disk.path() / "db");
    options.log = log.function();
    // No reserve: RocksDB itself has to meet the end of the disk.
    options.reserve_bytes = 0;
    std::atomic<int> failures = 0;
    options.on_failure = [&] { ++failures; };
    int acknowledged = 0;
    {
        const auto store = open_rocksdb(options);
        fill(disk, std::size_t{8} << 20U);
        std::mt19937 random(5);
        std::string incompressible(60'000, '\0');
        auto result = outcome::ok;
        for (int number = 0; result == outcome::ok && number < 1000; ++number) {
            std::ranges::generate(incompressible, [&] { return static_cast<char>(random()); });
            result = apply(*store, {put{row_key(std::to_string(number)), incompressible},
                                    add{count_key("rows"), 1}});
            acknowledged += result == outcome::ok;
        }
        BOOST_TEST((result == outcome::unknown || result == outcome::unavailable));
        BOOST_TEST((store->health() == health::full));
        BOOST_TEST((apply(*store, {put{row_key("late"), ""}}) == outcome::unavailable));
        BOOST_TEST(value(*store, row_key("0")).has_value());

        std::filesystem::remove(disk.path() / "ballast");
        BOOST_REQUIRE(log.wait_for(log_level::info, "recovered", std::chrono::seconds(60)));
        BOOST_TEST((apply(*store, {put{row_key("after"), ""}}) == outcome::ok));
    }
    BOOST_TEST(failures == 0);
    const auto store = open_rocksdb(options);
    // The one that was answered `unknown` is there whole or not at all.
    const auto there = count_rows(*store) - 1;
    BOOST_TEST((there == acknowledged || there == acknowledged + 1));
    BOOST_TEST(counter(*store, count_key("rows")) == there);
    BOOST_TEST(value(*store, row_key("after")).has_value());
    BOOST_TEST(!value(*store, row_key("late")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::kv::test
