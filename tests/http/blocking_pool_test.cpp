#include "server/blocking_pool.hpp"

#include <sys/resource.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace pinhole::http {
namespace {

namespace asio = boost::asio;

void rethrow(const std::exception_ptr& thrown) {
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

asio::awaitable<void> run_three(blocking_pool& pool) {
    const auto here = std::this_thread::get_id();
    const auto there = co_await pool.run([] { return std::this_thread::get_id(); });
    BOOST_TEST((there.value() != here));
    BOOST_TEST((std::this_thread::get_id() == here));
    const auto moved = co_await pool.run([] { return std::make_unique<int>(7); });
    BOOST_TEST(*moved.value() == 7);
    bool ran = false;
    const auto nothing = co_await pool.run([&ran] { ran = true; });
    BOOST_TEST((nothing.has_value() && ran));
}

asio::awaitable<void> run_and_catch(blocking_pool& pool) {
    std::string what;
    try {
        static_cast<void>(co_await pool.run([]() -> int { throw std::runtime_error("why"); }));
    } catch (const std::runtime_error& error) {
        what = error.what();
    }
    BOOST_TEST(what == "why");
}

asio::awaitable<void> be_refused(blocking_pool& pool) {
    bool ran = false;
    const auto refused = co_await pool.run([&ran] { ran = true; });
    BOOST_TEST(!refused.has_value());
    BOOST_TEST(!ran);
}

asio::awaitable<void> never_resume(blocking_pool& pool, std::shared_ptr<int> held) {
    static_cast<void>(co_await pool.run([] {}));
    BOOST_ERROR("resumed without its context");
    held.reset();
}

BOOST_AUTO_TEST_SUITE(pool)

BOOST_AUTO_TEST_CASE(work_runs_elsewhere_and_resumes_here) {
    asio::io_context context;  // outlives the pool that posts to it
    blocking_pool pool("test", 2, 4);
    asio::co_spawn(context, run_three(pool), rethrow);
    context.run();
}

BOOST_AUTO_TEST_CASE(exceptions_reach_the_awaiter) {
    asio::io_context context;  // outlives the pool that posts to it
    blocking_pool pool("test", 1, 4);
    asio::co_spawn(context, run_and_catch(pool), rethrow);
    context.run();
}

BOOST_AUTO_TEST_CASE(a_full_queue_refuses_at_once) {
    asio::io_context context;
    blocking_pool pool("test", 1, 1);
    std::promise<void> gate;
    std::promise<void> busy;
    auto opened = gate.get_future().share();
    BOOST_REQUIRE(pool.try_submit([&busy, opened] {
        busy.set_value();
        opened.wait();
    }));
    busy.get_future().wait();
    BOOST_REQUIRE(pool.try_submit([] {}));
    BOOST_TEST(pool.queued() == 1U);
    asio::co_spawn(context, be_refused(pool), rethrow);
    context.run();
    gate.set_value();
}

BOOST_AUTO_TEST_CASE(closing_finishes_what_is_queued) {
    std::atomic<int> ran = 0;
    {
        blocking_pool pool("test", 3, 1000);
        for (int i = 0; i < 1000; ++i) {
            const bool queued = pool.try_submit([&ran] { ++ran; });
            BOOST_REQUIRE(queued);
        }
        pool.close();
        BOOST_TEST(!pool.try_submit([] {}));
        pool.close();
    }
    BOOST_TEST(ran == 1000);
}

BOOST_AUTO_TEST_CASE(a_context_that_ends_first_destroys_its_waiters) {
    blocking_pool pool("test", 1, 4);
    auto alive = std::make_shared<int>(1);
    {
        asio::io_context context;
        asio::co_spawn(context, never_resume(pool, alive), rethrow);
        context.run_one();
        pool.close();
    }
    BOOST_TEST(alive.use_count() == 1);
}

/// Else four hashes at a time would keep every core from those that read.
BOOST_AUTO_TEST_CASE(a_pool_that_yields_leaves_other_threads_as_they_were) {
    const int usual = ::getpriority(PRIO_PROCESS, 0);
    const auto niceness_in = [](blocking_pool& pool) {
        std::promise<int> seen;
        BOOST_TEST(pool.try_submit([&seen] { seen.set_value(::getpriority(PRIO_PROCESS, 0)); }));
        return seen.get_future().get();
    };
    blocking_pool yielding("yielding", 1, 1, pool_priority::yielding);
    blocking_pool plain("plain", 1, 1);
    BOOST_TEST(niceness_in(yielding) >= 10);
    BOOST_TEST(niceness_in(plain) == usual);
    BOOST_TEST(::getpriority(PRIO_PROCESS, 0) == usual);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
