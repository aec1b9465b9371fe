// A real server on a free port of the loopback, with a few handlers that show what it does.
#pragma once

#include <atomic>
#include <cstdint>
#include <future>
#include <string>

#include "server/blocking_pool.hpp"
#include "server/log.hpp"
#include "server/router.hpp"
#include "server/server.hpp"
#include "tests/http_client/http_client.hpp"

namespace pinhole::http {

/// What `/file` serves: bytes 0, 1, 2, …, 255, 0, …
std::string sample_file_bytes();
/// What `/large` serves: several windows of sendfile, no two alike.
const std::string& large_file_bytes();
inline constexpr std::string_view sample_etag = "\"v1\"";
inline constexpr std::string_view sample_date = "Sun, 06 Nov 1994 08:49:37 GMT";

class test_server {
public:
    /// Logs to `log_fd` if there is one.
    explicit test_server(server_options options = {}, cors_policy cors = {}, int log_fd = -1);
    ~test_server();

    std::uint16_t port() const { return server_.local_endpoint().port(); }
    test::http_client connect() const { return test::http_client(port()); }
    http::server& server() { return server_; }

    /// Has the kernel forget `/large`. False where that can't be had, or can't be seen.
    bool forget_large_file();

    /// How often a handler was called.
    int served() const { return served_; }
    /// `/gate` answers when this was called, and tells `arrived` when it has been called. `/late`
    /// does the same, then reads its body, then waits for `open_second_gate`.
    /// `/block` is as `/gate`, and its io thread stands still meanwhile.
    void open_gate() { gate_.set_value(); }
    std::future<void> arrived() { return arrived_.get_future(); }
    void open_second_gate() { second_gate_.set_value(); }
    /// `/late` has tried to read its body.
    std::future<void> read() { return read_.get_future(); }

private:
    std::vector<route> make_routes();
    boost::asio::awaitable<response> answer(std::string text);
    boost::asio::awaitable<response> echo(request& request);
    boost::asio::awaitable<response> count_body(request& request);
    boost::asio::awaitable<response> wait_at_gate(request& request);
    boost::asio::awaitable<response> block();
    boost::asio::awaitable<response> read_late(request& request);
    boost::asio::awaitable<response> serve(request& request, const std::string& path,
                                           std::size_t bytes);

    std::atomic<int> served_ = 0;
    std::promise<void> gate_;
    std::promise<void> arrived_;
    std::promise<void> second_gate_;
    std::promise<void> read_;
    std::string file_path_;
    std::string large_path_;
    logger log_;
    http::server server_;
    blocking_pool pool_{"gate", 1, 8};
};

/// What `/big` serves: more than the kernel's buffers take.
std::string big_body();

/// A complete GET request.
std::string get(std::string_view target);

}  // namespace pinhole::http
