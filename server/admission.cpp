#include "server/admission.hpp"

#include "server/client_address.hpp"

namespace pinhole::http {

bool admission::limits(const boost::asio::ip::address& address) const {
    return per_address_max_ > 0 && !unmapped(address).is_loopback();
}

std::expected<admission::ticket, rejection> admission::try_enter(
    const boost::asio::ip::address& address) {
    const std::lock_guard lock(mutex_);
    const bool limited = limits(address);
    if (limited) {
        const auto found = per_address_.find(client_network(address));
        if (found != per_address_.end() && found->second >= per_address_max_) {
            return std::unexpected(rejection::address_full);
        }
    }
    if (count_ >= connections_max_) {
        return std::unexpected(rejection::full);
    }
    if (limited) {
        ++per_address_[client_network(address)];
    }
    ++count_;
    return std::expected<ticket, rejection>(std::in_place, *this, address);
}

void admission::leave(const boost::asio::ip::address& address) {
    const std::lock_guard lock(mutex_);
    if (limits(address)) {
        const auto found = per_address_.find(client_network(address));
        if (--found->second == 0) {
            per_address_.erase(found);
        }
    }
    if (--count_ == 0) {
        changed_.notify_all();
    }
}

std::size_t admission::count() const {
    const std::lock_guard lock(mutex_);
    return count_;
}

bool admission::wait_until_empty(std::chrono::steady_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline, [this] { return count_ == 0 || given_up_; });
    return count_ == 0;
}

void admission::give_up() {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
    changed_.notify_all();
}

}  // namespace pinhole::http
