#include "tests/crash/trial.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>
#include <thread>

#include "storage/check.hpp"
#include "storage/kv/rocksdb_store.hpp"
#include "storage/schema/entities.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

using std::chrono::steady_clock;

constexpr auto patience = std::chrono::seconds(60);

}  // namespace

int rounds_from(const char* variable, int otherwise) {
    const char* const wanted = std::getenv(variable);
    return wanted != nullptr ? std::stoi(wanted) : otherwise;
}

dice::dice() : seed_(make_seed()), engine_(seed_) {
    BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed_);
}

void wait_for_a_moment(crowd_signals& signals, dice& random) {
    constexpr unsigned writes_max = 400;
    constexpr std::chrono::milliseconds time_max(600);
    const bool by_writes = random.pick(2) == 0;
    const int writes = by_writes ? static_cast<int>(1 + random.pick(writes_max)) : 1;
    BOOST_TEST_REQUIRE(signals.wait_for_acknowledged(writes, patience), "the crowd does not write");
    if (!by_writes) {
        // That so much time passes is what is wanted: the harm comes at any moment.
        std::this_thread::sleep_for(random.moment(time_max));
    }
}

trial::trial(const std::filesystem::path& data, const std::filesystem::path& log,
             const std::vector<std::string>& more_arguments)
    : data_(data), log_(log), arguments_(serve_arguments(data)) {
    arguments_.insert(arguments_.end(), more_arguments.begin(), more_arguments.end());
    start();
}

std::uint16_t trial::start() {
    const auto began = steady_clock::now();
    server_.emplace(arguments_, log_);
    port_ = server_->wait_until_serving();
    start_takes_ = std::max(start_takes_, std::chrono::duration_cast<std::chrono::microseconds>(
                                              steady_clock::now() - began));
    return port_;
}

void trial::die_while_starting(unsigned times, dice& random, const std::function<void()>& die) {
    for (unsigned i = 0; i < times; ++i) {
        server_.emplace(arguments_, log_);
        std::this_thread::sleep_for(random.moment(start_takes_ * 5 / 4));
        die();
    }
}

void trial::expect_killed() {
    BOOST_TEST(server_->wait().signal == SIGKILL);
}

void trial::check_database() const {
    // Not the original: opening it would recover it, which is what the server is to do.
    const temporary_directory copy;
    std::filesystem::copy(data_ / "db", copy.path() / "db");
    kv::rocksdb_options options;
    options.directory = copy.path() / "db";
    options.families.assign(storage::families::all.begin(), storage::families::all.end());
    const auto store = kv::open_rocksdb(options);
    const auto report = storage::check_rows(*store->snapshot(kv::read_mode::blocking));
    BOOST_TEST(report.rows > 0U);
    BOOST_TEST(report.problems == 0U);
    for (const std::string& problem : report.details()) {
        BOOST_ERROR(problem);
    }
}

}  // namespace pinhole::test
