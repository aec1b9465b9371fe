// Units of work over a store that does what the test says.
#include "handlers/unit_of_work.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace pinhole::handlers {
namespace {

class empty_reader final : public kv::reader {
public:
    std::optional<kv::value_with_stamp> get(const kv::key&) const override { return {}; }
    std::vector<std::optional<kv::value_with_stamp>> multi_get(
        std::span<const kv::key> keys) const override {
        return std::vector<std::optional<kv::value_with_stamp>>(keys.size());
    }
    std::vector<kv::row> scan(const kv::range&) const override { return {}; }
    std::vector<kv::located_row> walk(kv::family_id, const kv::key*, std::uint32_t) const override {
        return {};
    }
    std::int64_t counter(const kv::key&) const override { return 0; }
    std::vector<std::int64_t> counters(std::span<const kv::key> keys) const override {
        return std::vector<std::int64_t>(keys.size());
    }
    std::uint64_t approximate_rows(kv::family_id) const override { return 0; }
};

class scripted_store final : public kv::store {
public:
    explicit scripted_store(kv::capabilities able) : able_(able) {}

    std::unique_ptr<kv::reader> snapshot(kv::read_mode mode) const override {
        const std::lock_guard lock(mutex_);
        modes_.push_back(mode);
        return std::make_unique<empty_reader>();
    }
    /// Decided when the test says so.
    void submit(kv::commit, completion done) override { waiting.push_back(std::move(done)); }
    kv::health health() const override { return health_now; }
    kv::capabilities capabilities() const override { return able_; }

    std::vector<kv::read_mode> modes() const {
        const std::lock_guard lock(mutex_);
        return modes_;
    }

    std::vector<completion> waiting;
    kv::health health_now = kv::health::ok;

private:
    kv::capabilities able_;
    mutable std::mutex mutex_;
    mutable std::vector<kv::read_mode> modes_;
};

struct fixture {
    /// Runs a read that finds nothing missing in the cache; answers how the store was asked.
    static std::vector<kv::read_mode> modes_of_a_read(kv::capabilities able) {
        scripted_store store(able);
        http::blocking_pool pool("read", 1, 8);
        const unit_of_work work(store, pool, std::make_shared<login_cache>());
        boost::asio::io_context io;
        auto answer = boost::asio::co_spawn(io, work.read([](const kv::reader& reader) {
            return result<std::int64_t>(reader.counter({}));
        }),
                                            boost::asio::use_future);
        io.run();
        BOOST_TEST(answer.get().value() == 0);
        return store.modes();
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(units_of_work, fixture)

BOOST_AUTO_TEST_CASE(a_read_tries_the_cache_only_of_a_store_that_has_one) {
    BOOST_TEST((modes_of_a_read({.cached_reads = true}) == std::vector{kv::read_mode::cached}));
    BOOST_TEST((modes_of_a_read({.cached_reads = false}) == std::vector{kv::read_mode::blocking}));
}

/// A like that stood was confirmed although the disk had failed while it was being taken back:
/// after the restart it had been.
BOOST_AUTO_TEST_CASE(a_change_that_was_made_before_was_confirmed_after_the_disk_had_failed) {
    const std::map<kv::health, std::optional<storage::error_code>> expected{
        {kv::health::ok, std::nullopt},
        {kv::health::full, storage::error_code::storage_full},
        {kv::health::failed, storage::error_code::unavailable}};
    for (const auto& [health, code] : expected) {
        scripted_store store({});
        store.health_now = health;
        http::blocking_pool pool("read", 1, 8);
        const unit_of_work work(store, pool, std::make_shared<login_cache>());
        boost::asio::io_context io;
        auto answer = boost::asio::co_spawn(io, work.write([](const kv::reader&) {
            return result<storage::planned<int>>(storage::planned<int>{.commit = {}, .value = 7});
        }),
                                            boost::asio::use_future);
        io.run();
        const auto got = answer.get();
        BOOST_TEST(got.has_value() == !code.has_value());
        BOOST_TEST((got || got.error().code == code));
        BOOST_TEST(store.waiting.empty());
    }
}

BOOST_AUTO_TEST_CASE(a_commit_nobody_waits_for_may_be_decided_after_all_else_is_gone) {
    scripted_store store({});
    http::blocking_pool pool("read", 1, 8);
    auto logins = std::make_shared<login_cache>();
    kv::commit commit;
    commit.operations.emplace_back(kv::put{storage::row_key<storage::session>(1), "row"});
    unit_of_work(store, pool, logins).write_unawaited(std::move(commit));
    const std::weak_ptr<login_cache> left = logins;
    const auto before = logins->now();
    logins.reset();
    BOOST_REQUIRE(store.waiting.size() == 1U);
    BOOST_REQUIRE(!left.expired());
    store.waiting.front()(kv::outcome::ok);
    BOOST_TEST(left.lock()->now() == before + 1);
    store.waiting.clear();
    BOOST_TEST(left.expired());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::handlers
