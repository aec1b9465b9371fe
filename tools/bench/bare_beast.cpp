// The least that an HTTP server can be made of: Boost.Beast and one coroutine for each connection,
// without routing, limits, deadlines or logs. Every request gets the same body from memory. What
// Pinhole costs is measured beside this program, on the same machine in the same run.
//
// Usage: bench_bare_beast PORT BODY_BYTES [THREADS]
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;

constexpr auto use_result = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> serve(tcp::socket socket, const std::string& body) {
    boost::beast::flat_buffer buffer;
    for (;;) {
        http::request<http::string_body> request;
        const auto [read_error, read] =
            co_await http::async_read(socket, buffer, request, use_result);
        if (read_error) {
            co_return;
        }
        http::response<http::string_body> response(http::status::ok, request.version());
        response.set(http::field::content_type, "application/json");
        response.keep_alive(request.keep_alive());
        response.body() = body;
        response.prepare_payload();
        const auto [write_error, written] =
            co_await http::async_write(socket, response, use_result);
        if (write_error || !response.keep_alive()) {
            co_return;
        }
    }
}

asio::awaitable<void> accept(tcp::acceptor& acceptor,
                             const std::vector<std::unique_ptr<asio::io_context>>& contexts,
                             const std::string& body) {
    for (std::size_t turn = 0;; ++turn) {
        auto& context = *contexts[turn % contexts.size()];
        auto [error, socket] = co_await acceptor.async_accept(context, use_result);
        if (!error) {
            socket.set_option(tcp::no_delay(true));
            asio::co_spawn(context, serve(std::move(socket), body), asio::detached);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fprintf(stderr, "usage: %s PORT BODY_BYTES [THREADS]\n", argv[0]);
        return 2;
    }
    const auto port = static_cast<std::uint16_t>(std::strtoul(argv[1], nullptr, 10));
    const std::string body(std::strtoul(argv[2], nullptr, 10), 'x');
    const auto threads = argc > 3 ? std::strtoul(argv[3], nullptr, 10) : 1UL;

    std::vector<std::unique_ptr<asio::io_context>> contexts;
    contexts.reserve(threads);
    for (unsigned long i = 0; i < threads; ++i) {
        contexts.push_back(std::make_unique<asio::io_context>(1));
    }
    tcp::acceptor acceptor(*contexts.front(), {asio::ip::address_v4::loopback(), port});
    asio::co_spawn(*contexts.front(), accept(acceptor, contexts, body), asio::detached);
    std::printf("listening on 127.0.0.1:%u\n", acceptor.local_endpoint().port());
    std::fflush(stdout);

    std::vector<std::thread> workers;
    workers.reserve(contexts.size());
    for (auto& context : contexts) {
        workers.emplace_back([&context] {
            const auto work = asio::make_work_guard(*context);
            context->run();
        });
    }
    for (auto& worker : workers) {
        worker.join();
    }
}
