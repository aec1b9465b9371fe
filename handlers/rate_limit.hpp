// Token buckets with bounded memory. A bucket is named by what is limited: an address, an account.
//
// Each request takes one token; tokens come back at a fixed pace up to the burst. Beyond
// `buckets_max` the least recently used bucket is forgotten, so no number of addresses fills
// memory. Thread-safe. Never blocks for long (one short lock).
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

namespace pinhole::handlers {

struct bucket_size {
    double burst = 1;
    std::chrono::milliseconds refill_interval{1000};  ///< one token comes back in this time
};

class rate_limiter {
public:
    using clock = std::chrono::steady_clock;
    static constexpr std::size_t buckets_max = 65'536;

    rate_limiter(bucket_size size, bool enabled) : size_(size), enabled_(enabled) {}

    /// Takes a token, or says how long to wait for one.
    std::optional<std::chrono::milliseconds> take(const std::string& name,
                                                  clock::time_point at = clock::now());

    std::size_t buckets() const;
    /// How often it has said to wait.
    std::uint64_t refused() const;

private:
    struct bucket {
        std::string name;
        double tokens = 0;
        clock::time_point refilled_at;
    };

    bucket_size size_;
    bool enabled_;
    std::uint64_t refused_ = 0;
    mutable std::mutex mutex_;
    std::list<bucket> recent_;  ///< most recently used first
    std::unordered_map<std::string, std::list<bucket>::iterator> by_name_;
};

/// The name of a client's bucket (see http::client_network).
std::string bucket_name(const boost::asio::ip::address& address);

}  // namespace pinhole::handlers
