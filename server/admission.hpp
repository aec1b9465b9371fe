// Counts the connections, in all and for each client (see `client_network`), and says when there
// are too many.
//
// Loopback addresses are never limited by themselves: a reverse proxy on the same machine brings
// everyone's connections from there.
// Thread-safety: any thread. Blocking: `wait_until_empty` only.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <mutex>
#include <utility>

namespace pinhole::http {

/// Why there is no room: for nobody, or only for this client.
enum class rejection : std::uint8_t { full, address_full };

class admission {
public:
    /// One admitted connection; leaves when destroyed. Requires: the admission outlives it.
    class ticket {
    public:
        ticket(admission& owner, boost::asio::ip::address address)
            : owner_(&owner), address_(std::move(address)) {}
        ticket(ticket&& other) noexcept
            : owner_(std::exchange(other.owner_, nullptr)), address_(std::move(other.address_)) {}
        ticket& operator=(ticket&&) = delete;
        ~ticket() { leave(); }
        /// Before its time. The address stays.
        void leave() {
            if (auto* const owner = std::exchange(owner_, nullptr)) {
                owner->leave(address_);
            }
        }
        const boost::asio::ip::address& address() const { return address_; }

    private:
        admission* owner_;
        boost::asio::ip::address address_;
    };

    /// 0 for `per_address_max` means no limit for one address.
    admission(std::size_t connections_max, std::size_t per_address_max)
        : connections_max_(connections_max), per_address_max_(per_address_max) {}

    std::expected<ticket, rejection> try_enter(const boost::asio::ip::address& address);

    std::size_t count() const;

    /// Waits until nobody is left, or until the deadline, or until `give_up` is called.
    /// True if nobody is left.
    bool wait_until_empty(std::chrono::steady_clock::time_point deadline);
    void give_up();

private:
    void leave(const boost::asio::ip::address& address);
    bool limits(const boost::asio::ip::address& address) const;

    const std::size_t connections_max_;
    const std::size_t per_address_max_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::size_t count_ = 0;
    bool given_up_ = false;
    std::map<boost::asio::ip::address, std::size_t> per_address_;
};

}  // namespace pinhole::http
