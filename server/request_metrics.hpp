// What a server counts of its own work: on each io thread by itself, added up when somebody asks.
//
// Counting costs a request a few plain additions to memory that its thread alone writes: no lock,
// no cache line shared with another thread, no allocation. Requests are told apart by the pattern
// of their route and never by their path, so that clients can't make the numbers more.
//
// Thread-safety: an object is written by one thread and read by any; a reader sees each number as
// it was a moment ago, and not all of them as of one moment. Blocking: never.
#pragma once

#include <array>
#include <atomic>
#include <boost/beast/http/verb.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinhole::http {

/// Why the server itself did not serve a request, or not to its end.
enum class refused : std::uint8_t {
    malformed,          ///< framing, header or target
    header_too_large,   ///< or the target
    unsupported,        ///< version, method or expectation
    header_timeout,     ///< the header came too slowly
    body_too_large,     ///< for its handler
    body_malformed,     ///< broken chunks
    body_timeout,       ///< the body came too slowly
    body_disconnected,  ///< the client left amid the body
    handler_timeout,    ///< the handler took too long
    answer_timeout,     ///< the client read too slowly
};
inline constexpr std::size_t refused_count = 10;
std::string_view to_string(refused reason);

/// Upper bounds of the latency histogram, in microseconds; what is longer falls behind the last.
inline constexpr std::array<std::uint64_t, 16> latency_bounds_us{
    500,     1'000,   2'500,     5'000,     10'000,    25'000,     50'000,     100'000,
    250'000, 500'000, 1'000'000, 2'500'000, 5'000'000, 10'000'000, 30'000'000, 60'000'000};
using latency_buckets = std::array<std::uint64_t, latency_bounds_us.size() + 1>;

/// Of one route and method, if there was a request.
struct route_statistics {
    std::string_view route;  ///< the pattern; `unmatched` where none matched or none was looked for
    std::string_view method;  ///< `OTHER` for those that no route may have
    /// Status, and how often. Status 0 stands for those that no part of the program answers with.
    std::vector<std::pair<unsigned, std::uint64_t>> statuses;
    latency_buckets latencies{};  ///< from the whole header until the answer was sent
    std::uint64_t latency_sum_us = 0;
};

struct server_statistics {
    std::vector<route_statistics> routes;
    std::uint64_t requests_in_flight = 0;
    std::array<std::uint64_t, refused_count> refused{};
    std::uint64_t received_bytes = 0;  ///< from connections, headers and framing included
    std::uint64_t sent_bytes = 0;
    std::uint64_t connections_open = 0;
    std::uint64_t connections_max = 0;
    std::uint64_t connections_admitted = 0;  ///< since the start, as those below
    std::uint64_t connections_closed_for_room = 0;
    std::uint64_t turned_away_full = 0;
    std::uint64_t turned_away_address = 0;
};

/// Written by one thread alone, hence no read-modify-write.
class counter {
public:
    void add(std::uint64_t amount = 1) { set(read() + amount); }
    void subtract(std::uint64_t amount) { set(read() - amount); }
    std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

private:
    void set(std::uint64_t value) { value_.store(value, std::memory_order_relaxed); }

    std::atomic<std::uint64_t> value_{0};
};

/// The numbers of one io thread.
class alignas(64) request_metrics {
public:
    /// Routes are numbered 0 (none matched) to `routes - 1`, see router::patterns.
    explicit request_metrics(std::size_t routes);

    void count_answer(std::size_t route, boost::beast::http::verb method, unsigned status,
                      std::chrono::microseconds taken);
    void count_refused(refused reason) { refused_[static_cast<std::size_t>(reason)].add(); }

    /// A request that is being served, until it is destroyed.
    class in_flight {
    public:
        explicit in_flight(counter& served) : served_(served) { served_.add(); }
        in_flight(const in_flight&) = delete;
        in_flight& operator=(const in_flight&) = delete;
        ~in_flight() { served_.subtract(1); }

    private:
        counter& served_;
    };
    [[nodiscard]] in_flight enter() { return in_flight(in_flight_); }

    counter received_bytes;
    counter sent_bytes;
    counter connections_admitted;
    counter connections_closed_for_room;
    counter turned_away_full;
    counter turned_away_address;

    /// What all threads have counted. From any thread.
    /// Requires: each was made for as many routes as there are patterns, which outlive the answer.
    static server_statistics sum(std::span<const request_metrics* const> threads,
                                 std::span<const std::string> patterns);

private:
    static constexpr std::size_t method_count = 8;
    static constexpr std::size_t status_count = 36;

    /// Of one route and method.
    struct alignas(64) cell {
        std::array<counter, status_count> statuses;
        std::array<counter, latency_bounds_us.size() + 1> latencies;
        counter latency_sum_us;
    };

    static route_statistics sum_cells(std::span<const request_metrics* const> threads,
                                      std::size_t at);
    void add_to(server_statistics& sum) const;

    std::vector<cell> cells_;  ///< by route, then method
    std::array<counter, refused_count> refused_;
    counter in_flight_;
};

}  // namespace pinhole::http
