// One io_context with the connections that live on its thread.
//
// A connection never leaves its shard, so nothing here is locked. One timer walks the connections
// and lets each end itself past its deadline; it also keeps the Date field's text fresh.
// Thread-safety: the shard's own thread, except where a function says otherwise.
// Blocking: `run` only.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/intrusive/list.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/log.hpp"
#include "server/request_metrics.hpp"
#include "server/router.hpp"
#include "server/server.hpp"

namespace pinhole::http {

class blocking_pool;
class connection;

/// A connection's place among the idle ones of its shard; leaves the list when destroyed.
struct idle_place
    : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit idle_place(connection& of) : owner(of) {}
    connection& owner;
};

class io_shard {
public:
    io_shard(const server_options& options, logger& log, blocking_pool& file_pool,
             std::uint64_t request_id_seed);
    io_shard(const io_shard&) = delete;
    io_shard& operator=(const io_shard&) = delete;

    /// What it is to serve. Before anything else; the routes must outlive it.
    void prepare(const router& routes);
    /// Blocks: until `stop`. The calling thread becomes the shard's own.
    void run();
    /// From any thread. Closes the sockets and lets `run` return; what is suspended stays so.
    void stop();
    /// From any thread. Idle connections end now, the others after the request in flight.
    void begin_drain();

    boost::asio::io_context& context() { return context_; }
    const server_options& options() const { return options_; }
    logger& log() { return log_; }
    blocking_pool& file_pool() { return file_pool_; }
    const router& routes() const { return *routes_; }
    request_metrics& metrics() { return *metrics_; }
    const request_metrics& metrics() const { return *metrics_; }
    bool draining() const { return draining_; }
    std::string_view date() const { return date_; }
    /// 16 hexadecimal digits, another for each request; no secret.
    void append_request_id(std::string& out);

    void add(connection& added);
    void remove(connection& removed);
    /// The connection begins to wait for a request.
    void note_idle(idle_place& place);
    /// The connection waits for no request any more.
    void note_busy(idle_place& place);
    /// Closes the connection that has waited longest for a request, and gives its admission back.
    /// False if there is none among the first few, or it has not waited for long enough.
    bool close_longest_idle();

private:
    void schedule_sweep();
    void sweep();

    const server_options& options_;
    logger& log_;
    blocking_pool& file_pool_;
    const router* routes_ = nullptr;
    std::optional<request_metrics> metrics_;  ///< connections count in it to their end
    bool draining_ = false;
    std::uint64_t request_id_state_;
    std::string date_;
    std::chrono::sys_seconds date_time_{};
    std::vector<connection*> connections_;
    /// Longest idle first.
    boost::intrusive::list<idle_place, boost::intrusive::constant_time_size<false>> idle_;
    // The context is destroyed first: with it go suspended connections, which remove themselves.
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
    boost::asio::steady_timer sweep_timer_;
    std::chrono::milliseconds sweep_interval_;
};

}  // namespace pinhole::http
