#include "handlers/unit_of_work.hpp"

#include <algorithm>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <variant>
#include <vector>

#include "storage/schema/entities.hpp"

namespace pinhole::handlers {

namespace asio = boost::asio;

namespace {

/// The users and sessions whose rows the commit writes.
std::vector<storage::entity_id> changed_logins(const kv::commit& commit) {
    std::vector<storage::entity_id> changed;
    for (const kv::operation& operation : commit.operations) {
        if (std::holds_alternative<kv::check>(operation)) {
            continue;
        }
        const kv::key& key =
            std::visit([](const auto& o) -> const kv::key& { return o.key; }, operation);
        if (key.family == storage::families::users || key.family == storage::families::sessions) {
            changed.push_back(key.part);  // a row lies in the part of its own id
        }
    }
    return changed;
}

}  // namespace

storage::control::commit_watcher watch_for(std::shared_ptr<login_cache> logins) {
    return [logins = std::move(logins)](const kv::commit& commit) -> std::function<void()> {
        auto changed = changed_logins(commit);
        if (changed.empty()) {
            return {};
        }
        return [logins, changed = std::move(changed)] { logins->forget(changed); };
    };
}

void unit_of_work::submit(kv::commit commit, kv::store::completion done) const {
    auto changed = changed_logins(commit);
    if (changed.empty()) {
        store_.submit(std::move(commit), std::move(done));
        return;
    }
    store_.submit(std::move(commit), [logins = logins_, changed = std::move(changed),
                                      done = std::move(done)](kv::outcome outcome) mutable {
        if (outcome == kv::outcome::ok || outcome == kv::outcome::unknown) {
            logins->forget(changed);
        }
        done(outcome);
    });
}

void unit_of_work::write_unawaited(kv::commit commit) const {
    submit(std::move(commit), [](kv::outcome) {});
}

awaitable<kv::outcome> unit_of_work::commit(kv::commit commit) const {
    const auto executor = co_await asio::this_coro::executor;
    auto initiate = [this, &commit, executor](auto completion) {
        submit(std::move(commit),
               [executor, completion = std::move(completion)](kv::outcome outcome) mutable {
                   asio::post(executor, [completion = std::move(completion), outcome]() mutable {
                       std::move(completion)(outcome);
                   });
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
            return storage::disk_full();
        case kv::health::failed:
            return {error_code::unavailable, "Storage has failed. The server is restarting."};
        case kv::health::ok:
            break;
    }
    return storage::overloaded();
}

awaitable<void> unit_of_work::back_off(int conflicts) const {
    if (conflicts < 5) {
        co_return;  // the commit that was faster is visible already: plan anew at once
    }
    thread_local std::minstd_rand random{std::random_device{}()};
    const int ceiling_ms = 1 << std::min(conflicts - 5, 6);
    std::uniform_int_distribution<int> jitter_us{0, ceiling_ms * 1000};
    asio::steady_timer timer{co_await asio::this_coro::executor};
    timer.expires_after(std::chrono::microseconds{jitter_us(random)});
    co_await timer.async_wait(asio::use_awaitable);
}

}  // namespace pinhole::handlers
