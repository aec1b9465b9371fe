#include "handlers/rate_limit.hpp"

#include <algorithm>
#include <cmath>

#include "server/client_address.hpp"

namespace pinhole::handlers {

std::optional<std::chrono::milliseconds> rate_limiter::take(const std::string& name,
                                                            clock::time_point at) {
    if (!enabled_) {
        return std::nullopt;
    }
    const std::lock_guard lock{mutex_};
    const auto known = by_name_.find(name);
    if (known == by_name_.end()) {
        if (recent_.size() >= buckets_max) {
            by_name_.erase(recent_.back().name);
            recent_.pop_back();
        }
        recent_.push_front({name, size_.burst, at});
        by_name_.emplace(name, recent_.begin());
    } else {
        recent_.splice(recent_.begin(), recent_, known->second);
    }
    bucket& own = recent_.front();
    const std::chrono::duration<double, std::milli> elapsed = at - own.refilled_at;
    const auto interval_ms = static_cast<double>(size_.refill_interval.count());
    own.tokens = std::min(size_.burst, own.tokens + std::max(0.0, elapsed.count()) / interval_ms);
    own.refilled_at = std::max(own.refilled_at, at);
    if (own.tokens >= 1) {
        own.tokens -= 1;
        return std::nullopt;
    }
    ++refused_;
    return std::chrono::milliseconds{
        static_cast<std::int64_t>(std::ceil((1 - own.tokens) * interval_ms))};
}

std::size_t rate_limiter::buckets() const {
    const std::lock_guard lock{mutex_};
    return recent_.size();
}

std::uint64_t rate_limiter::refused() const {
    const std::lock_guard lock{mutex_};
    return refused_;
}

std::string bucket_name(const boost::asio::ip::address& address) {
    return http::client_network(address).to_string();
}

}  // namespace pinhole::handlers
