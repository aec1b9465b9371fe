#include "server/io_shard.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>

#include "server/conditional.hpp"
#include "server/connection.hpp"

namespace pinhole::http {
namespace {

/// Whoever makes room waits for no longer search. Those passed over have just sent something.
constexpr int idle_looked_at_max = 8;

/// Four times a second, more often only where a timeout is shorter than a second.
std::chrono::milliseconds choose_sweep_interval(const server_options& options) {
    const auto shortest =
        std::min({options.header_timeout, options.idle_timeout, options.handler_timeout,
                  options.transfer_grace, options.linger_timeout});
    return std::clamp(shortest / 4, std::chrono::milliseconds(5), std::chrono::milliseconds(250));
}

}  // namespace

io_shard::io_shard(const server_options& options, logger& log, blocking_pool& file_pool,
                   std::uint64_t request_id_seed)
    : options_(options),
      log_(log),
      file_pool_(file_pool),
      request_id_state_(request_id_seed),
      work_(boost::asio::make_work_guard(context_)),
      sweep_timer_(context_),
      sweep_interval_(choose_sweep_interval(options)) {
    sweep();
}

void io_shard::prepare(const router& routes) {
    routes_ = &routes;
    metrics_.emplace(routes.patterns().size());
}

void io_shard::run() {
    schedule_sweep();
    context_.run();
}

void io_shard::stop() {
    boost::asio::post(context_, [this] {
        for (auto* open : connections_) {
            open->abort();
        }
        context_.stop();
    });
}

void io_shard::begin_drain() {
    boost::asio::post(context_, [this] {
        draining_ = true;
        for (auto* open : connections_) {
            open->begin_drain();
        }
    });
}

void io_shard::append_request_id(std::string& out) {
    // splitmix64 (Steele, Lea, Flood 2014): a bijection of the counter, so no id comes twice in
    // this shard; two shards count from random places, 2^64 in all, and do not meet in practice.
    request_id_state_ += 0x9e3779b97f4a7c15ULL;
    std::uint64_t bits = request_id_state_;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9ULL;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebULL;
    bits ^= bits >> 31;
    for (int shift = 60; shift >= 0; shift -= 4) {
        out += "0123456789abcdef"[(bits >> shift) & 0xf];
    }
}

void io_shard::add(connection& added) {
    added.index_in_shard = connections_.size();
    connections_.push_back(&added);
}

void io_shard::remove(connection& removed) {
    connections_.back()->index_in_shard = removed.index_in_shard;
    connections_[removed.index_in_shard] = connections_.back();
    connections_.pop_back();
}

void io_shard::note_idle(idle_place& place) {
    note_busy(place);
    idle_.push_back(place);
}

void io_shard::note_busy(idle_place& place) {
    if (place.is_linked()) {
        place.unlink();
    }
}

bool io_shard::close_longest_idle() {
    const auto waiting_since = std::chrono::steady_clock::now() - options_.idle_before_giving_way;
    int looked_at = 0;
    for (auto place = idle_.begin(); place != idle_.end() && looked_at < idle_looked_at_max;) {
        ++looked_at;
        // Closing takes it off the list.
        auto& owner = (place++)->owner;
        if (owner.idle_since() > waiting_since) {
            return false;
        }
        if (owner.close_if_idle()) {
            metrics_->connections_closed_for_room.add();
            return true;
        }
    }
    return false;
}

void io_shard::schedule_sweep() {
    sweep_timer_.expires_after(sweep_interval_);
    sweep_timer_.async_wait([this](const boost::system::error_code& ec) {
        if (ec) {
            return;
        }
        sweep();
        schedule_sweep();
    });
}

void io_shard::sweep() {
    const auto wall_time =
        std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    if (wall_time != date_time_) {
        date_time_ = wall_time;
        date_ = to_http_date(wall_time);
    }
    const auto now = std::chrono::steady_clock::now();
    for (auto* open : connections_) {
        open->check_deadline(now);
    }
}

}  // namespace pinhole::http
