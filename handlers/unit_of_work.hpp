// The two ways from a handler to the database. A handler passes one plain function to `read` or
// `write`; the function is synchronous, has no side effect, and may be run more than once.
//
// A read runs inline on the io thread against cached data alone; at the first miss it is abandoned
// and run again on the read pool, where it may block. (A store that keeps nothing cached here has
// all its reads run there.) A write is planned the same way, committed,
// and planned anew when another commit was faster.
//
// Thread-safe. Never blocks the calling thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <random>
#include <type_traits>
#include <utility>

#include "handlers/login_cache.hpp"
#include "server/blocking_pool.hpp"
#include "storage/base/error.hpp"
#include "storage/control/service.hpp"
#include "storage/kv/store.hpp"
#include "storage/visibility.hpp"

namespace pinhole::handlers {

template <class T>
using awaitable = boost::asio::awaitable<T>;
using storage::result;

/// Has `logins` told of commits that come to the store by another way: from pinhole-admin.
storage::control::commit_watcher watch_for(std::shared_ptr<login_cache> logins);

class unit_of_work {
public:
    /// `logins` is told of every commit that touches what it remembers, also of those that are
    /// decided when this is gone.
    unit_of_work(kv::store& store, http::blocking_pool& read_pool,
                 std::shared_ptr<login_cache> logins)
        : store_(store),
          read_pool_(read_pool),
          logins_(std::move(logins)),
          tries_cached_(store.capabilities().cached_reads) {}

    /// Runs `result<T> function(const kv::reader&)` on one snapshot.
    /// Errors: those of the function; overloaded. Throws what the store throws.
    template <class Function>
    awaitable<std::invoke_result_t<Function&, const kv::reader&>> read(Function function) const;

    /// Runs `result<T> function()`, which reads nothing and takes milliseconds of the processor,
    /// away from the io threads. Errors: those of the function; overloaded.
    template <class Function>
    awaitable<std::invoke_result_t<Function&>> compute(Function function) const;

    /// Runs `result<planned<T>> plan(const kv::reader&)` and commits what it returns; the answer
    /// is T once that is durable. Errors: those of the plan; overloaded, unavailable, storage_full.
    template <class Plan>
    awaitable<result<decltype(std::invoke_result_t<Plan&, const kv::reader&>::value_type::value)>>
    write(Plan plan) const;

    /// Commits something that nobody waits for, and that may be lost to a faster change.
    void write_unawaited(kv::commit commit) const;

    kv::health health() const { return store_.health(); }

private:
    static constexpr int attempts_max = 24;

    template <class Function>
    std::optional<std::invoke_result_t<Function&, const kv::reader&>> read_cached(
        Function& function) const;
    awaitable<kv::outcome> commit(kv::commit commit) const;
    /// What to tell the client of a commit that did not happen, or may not have.
    storage::error failure_of(kv::outcome outcome) const;
    /// Waits before the next attempt, longer after many conflicts.
    awaitable<void> back_off(int conflicts) const;
    void submit(kv::commit commit, kv::store::completion done) const;

    kv::store& store_;
    http::blocking_pool& read_pool_;
    std::shared_ptr<login_cache> logins_;
    bool tries_cached_;
};

template <class Function>
std::optional<std::invoke_result_t<Function&, const kv::reader&>> unit_of_work::read_cached(
    Function& function) const {
    try {
        return function(*store_.snapshot(kv::read_mode::cached));
    } catch (const kv::would_block&) {
        return std::nullopt;
    }
}

template <class Function>
awaitable<std::invoke_result_t<Function&, const kv::reader&>> unit_of_work::read(
    Function function) const {
    if (tries_cached_) {
        if (auto answer = read_cached(function)) {
            co_return std::move(*answer);
        }
    }
    co_return co_await compute([&] { return function(*store_.snapshot(kv::read_mode::blocking)); });
}

template <class Function>
awaitable<std::invoke_result_t<Function&>> unit_of_work::compute(Function function) const {
    auto answer = co_await read_pool_.run(std::move(function));
    if (!answer) {
        co_return std::unexpected{storage::overloaded()};
    }
    co_return std::move(*answer);
}

template <class Plan>
awaitable<result<decltype(std::invoke_result_t<Plan&, const kv::reader&>::value_type::value)>>
unit_of_work::write(Plan plan) const {
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        if (attempt > 0) {
            co_await back_off(attempt);
        }
        auto planned = co_await read([&plan](const kv::reader& reader) { return plan(reader); });
        if (!planned) {
            co_return std::unexpected{std::move(planned.error())};
        }
        if (planned->commit.empty()) {
            // "It is so already" may be contradicted by a commit whose outcome is unknown: it is
            // not in the snapshot, but may be there after a restart.
            if (store_.health() != kv::health::ok) {
                co_return std::unexpected{failure_of(kv::outcome::unavailable)};
            }
            co_return std::move(planned->value);
        }
        const kv::outcome outcome = co_await commit(std::move(planned->commit));
        if (outcome == kv::outcome::ok) {
            co_return std::move(planned->value);
        }
        if (outcome != kv::outcome::conflict && outcome != kv::outcome::exists) {
            co_return std::unexpected{failure_of(outcome)};
        }
    }
    co_return storage::fail(storage::error_code::overloaded,
                            "Too many changes to the same thing at once. Try again soon.");
}

}  // namespace pinhole::handlers
