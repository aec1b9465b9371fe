#include "handlers/unit_of_work.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>

namespace pinhole::handlers {

namespace asio = boost::asio;

awaitable<kv::outcome> unit_of_work::commit(kv::commit commit) const {
    const auto executor = co_await asio::this_coro::executor;
    auto initiate = [&store = store_, &commit, executor](auto completion) {
        // The store's completion is copyable, the coroutine's is not.
        auto shared = std::make_shared<decltype(completion)>(std::move(completion));
        store.submit(std::move(commit), [shared, executor](kv::outcome outcome) {
            asio::post(executor, [shared, outcome] { std::move (*shared)(outcome); });
        });
    };
    co_return co_await asio::async_initiate<decltype(asio::use_awaitable), void(kv::outcome)>(
        std::move(initiate), asio::use_awaitable);
}

storage::error unit_of_work::failure_of(kv::outcome outcome) const {
    using storage::error_code;
    if (outcome == kv::outcome::unknown) {
        return {error_code::unavailable,
                "Storage failed while writing. It may or may not have happened."};
    }
    switch (store_.health()) {
        case kv::health::full:
            return {error_code::storage_full, "The disk is full. Reading still works."};
        case kv::health::failed:
            return {error_code::unavailable, "Storage has failed. The server is restarting."};
        case kv::health::ok:
            break;
    }
    return {error_code::overloaded, "The server is overloaded. Try again soon."};
}

awaitable<void> unit_of_work::back_off(int attempt) const {
    if (attempt < 4) {
        co_return;  // the commit that was faster is visible already: plan anew at once
    }
    thread_local std::minstd_rand random{std::random_device{}()};
    const int ceiling_ms = 1 << std::min(attempt - 4, 6);
    std::uniform_int_distribution<int> jitter_us{0, ceiling_ms * 1000};
    asio::steady_timer timer{co_await asio::this_coro::executor};
    timer.expires_after(std::chrono::microseconds{jitter_us(random)});
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace pinhole::handlers
