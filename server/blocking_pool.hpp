// A bounded pool of named threads for work that would hold up an io thread.
//
// A full queue refuses at once: waiting longer would only add to the overload, so the handler
// answers 503 with `Retry-After`. The awaiting coroutine resumes on its own executor.
// Thread-safety: any thread may submit. Blocking: `run` never; `close` and the destructor do.
#pragma once

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace pinhole::http {

/// The pool's queue is full, or the pool is closed. Overload at the handler layer: 503.
struct pool_full {};

/// Who gets a core first when there are too few. `yielding` is for work that keeps cores busy by
/// itself: whatever runs at the usual priority, io threads above all, goes before it.
enum class pool_priority : std::uint8_t { usual, yielding };

struct pool_statistics {
    std::string name;
    std::size_t threads = 0;
    std::size_t busy = 0;    ///< threads that work right now
    std::size_t queued = 0;  ///< tasks that wait for one
    std::size_t queue_max = 0;
    std::uint64_t done = 0;  ///< tasks, since the start
    std::uint64_t refused = 0;
};

class blocking_pool {
public:
    /// `name` is what the threads are called in a debugger (at most 12 characters are kept).
    /// Requires: at least one thread and one place in the queue.
    blocking_pool(std::string name, unsigned threads, std::size_t queue_max,
                  pool_priority priority = pool_priority::usual);
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;
    ~blocking_pool();

    /// Runs `work()` on a thread of the pool and resumes with what it returned. What it threw is
    /// thrown to the awaiter. `work` lives until the awaiter resumes.
    template <class F>
    boost::asio::awaitable<std::expected<std::invoke_result_t<F&>, pool_full>> run(F work);

    /// Queues `job`, which must not throw. False if the queue is full or closed.
    bool try_submit(std::move_only_function<void()> job);

    /// Takes no more work, finishes what is queued, joins the threads. Blocks. May be called twice.
    /// Requires: executors of the awaiting coroutines still exist.
    void close();

    std::size_t queued() const;
    pool_statistics statistics() const;

private:
    void work_until_closed();

    std::string name_;
    std::size_t queue_max_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::move_only_function<void()>> queue_;
    bool closed_ = false;
    std::size_t busy_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t refused_ = 0;
    std::vector<std::thread> threads_;
};

template <class F>
boost::asio::awaitable<std::expected<std::invoke_result_t<F&>, pool_full>> blocking_pool::run(
    F work) {
    using value_type = std::invoke_result_t<F&>;
    using stored_type = std::conditional_t<std::is_void_v<value_type>, std::monostate, value_type>;
    std::optional<stored_type> result;
    std::exception_ptr failure;
    bool accepted = true;
    const auto executor = co_await boost::asio::this_coro::executor;

    // The frame of this coroutine outlives the job: it resumes only when the job has completed it.
    auto job = [&work, &result, &failure] {
        try {
            if constexpr (std::is_void_v<value_type>) {
                work();
                result.emplace();
            } else {
                result.emplace(work());
            }
        } catch (...) {
            failure = std::current_exception();
        }
    };
    auto initiate = [this, &job, &accepted, &executor](auto completion) {
        // Refusing needs the completion as well, and a queue that refuses has destroyed its job.
        auto shared = std::make_shared<decltype(completion)>(std::move(completion));
        auto complete = [executor, shared] {
            boost::asio::post(executor, [shared] { std::move (*shared)(); });
        };
        if (!try_submit([&job, complete] {
                job();
                complete();
            })) {
            accepted = false;
            complete();
        }
    };
    co_await boost::asio::async_initiate<decltype(boost::asio::use_awaitable), void()>(
        std::move(initiate), boost::asio::use_awaitable);
    if (!accepted) {
        co_return std::unexpected(pool_full{});
    }
    if (failure) {
        std::rethrow_exception(failure);
    }
    if constexpr (std::is_void_v<value_type>) {
        co_return std::expected<void, pool_full>();
    } else {
        co_return std::move(*result);
    }
}

}  // namespace pinhole::http
