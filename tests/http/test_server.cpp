#include "tests/http/test_server.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <stdexcept>

#include "server/conditional.hpp"
#include "server/problem.hpp"
#include "server/range.hpp"

namespace pinhole::http {
namespace {

constexpr std::size_t echo_bytes_max = 1000;

std::string write_sample_file() {
    std::string path = "/tmp/pinhole-http-test-XXXXXX";
    const unique_fd file(::mkstemp(path.data()));
    const auto bytes = sample_file_bytes();
    if (!file ||
        ::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
        throw std::runtime_error("can't write " + path);
    }
    return path;
}

boost::asio::awaitable<response> show_if_match(request& request) {
    co_return response::json(status::ok, std::string(request.header("if-match")) + "; " +
                                             std::string(request.header("if-none-match")));
}

boost::asio::awaitable<response> fail() {
    throw std::runtime_error("secret detail");
    co_return response();
}

}  // namespace

std::string sample_file_bytes() {
    std::string bytes;
    for (int i = 0; i < 100'000; ++i) {
        bytes += static_cast<char>(i % 256);
    }
    return bytes;
}

std::string big_body() {
    std::string body;
    body.resize(20'000'000, 'b');
    return body;
}

std::string get(std::string_view target) {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n";
}

test_server::test_server(server_options options, cors_policy cors, int log_fd)
    : file_path_(write_sample_file()),
      log_(log_fd < 0 ? log_level::off : log_level::info, log_fd),
      server_(std::move(options), log_) {
    server_.start(router(make_routes(), std::move(cors)));
}

test_server::~test_server() {
    server_.stop();
    pool_.close();
    ::unlink(file_path_.c_str());
}

std::vector<route> test_server::make_routes() {
    const auto plain = [this](std::string text) {
        return [this, text](request&) { return answer(text); };
    };
    const auto parameter = [this](std::string name) {
        return
            [this, name](request& request) { return answer(std::string(request.parameter(name))); };
    };
    std::vector<route> routes;
    routes.push_back({verb::get, "/hello", plain("hello")});
    routes.push_back({verb::post, "/ignore", plain("ignored")});
    routes.push_back({verb::get, "/things/{id}", parameter("id")});
    routes.push_back({verb::put, "/things/{id}", parameter("id")});
    routes.push_back({verb::get, "/things/mine", plain("mine")});
    routes.push_back({verb::get, "/rest/{path...}", parameter("path")});
    routes.push_back({verb::post, "/echo", [this](request& r) { return echo(r); }});
    routes.push_back({verb::post, "/count", [this](request& r) { return count_body(r); }});
    routes.push_back({verb::get, "/gate", [this](request& r) { return wait_at_gate(r); }});
    routes.push_back({verb::post, "/late", [this](request& r) { return read_late(r); }});
    routes.push_back({verb::get, "/if-match", [](request& r) { return show_if_match(r); }});
    routes.push_back({verb::get, "/client",
                      [this](request& r) { return answer(r.remote_address.to_string()); }});
    routes.push_back({verb::get, "/big", plain(big_body())});
    routes.push_back({verb::get, "/file", [this](request& r) { return serve_sample(r); }});
    routes.push_back({verb::get, "/throw", [](request&) { return fail(); }});
    return routes;
}

boost::asio::awaitable<response> test_server::answer(std::string text) {
    ++served_;
    co_return response::json(status::ok, std::move(text));
}

boost::asio::awaitable<response> test_server::echo(request& request) {
    ++served_;
    auto body = co_await request.body().read_all(echo_bytes_max);
    if (!body) {
        co_return to_response(body.error());
    }
    co_return response::json(status::ok, std::move(*body));
}

boost::asio::awaitable<response> test_server::count_body(request& request) {
    ++served_;
    request.body().set_limit(1ULL << 30);
    std::uint64_t bytes = 0;
    for (;;) {
        const auto piece = co_await request.body().read_some();
        if (!piece) {
            co_return to_response(piece.error());
        }
        if (piece->empty()) {
            co_return response::json(status::ok, std::to_string(bytes));
        }
        bytes += piece->size();
    }
}

boost::asio::awaitable<response> test_server::wait_at_gate(request&) {
    ++served_;
    const auto waited = co_await pool_.run([this] {
        arrived_.set_value();
        gate_.get_future().wait();
    });
    co_return waited ? response::json(status::ok, "through")
                     : problem(status::service_unavailable, "full");
}

boost::asio::awaitable<response> test_server::read_late(request& request) {
    auto answer = co_await wait_at_gate(request);
    const auto body = co_await request.body().read_all(echo_bytes_max);
    read_.set_value();
    if (body) {
        co_return answer;
    }
    const auto waited = co_await pool_.run([this] { second_gate_.get_future().wait(); });
    co_return waited ? to_response(body.error()) : problem(status::service_unavailable, "full");
}

boost::asio::awaitable<response> test_server::serve_sample(request& request) {
    ++served_;
    unique_fd file(::open(file_path_.c_str(), O_RDONLY | O_CLOEXEC));
    co_return serve_file(request,
                         {.etag = std::string(sample_etag),
                          .last_modified = *parse_http_date(sample_date),
                          .size_bytes = sample_file_bytes().size(),
                          .content_type = "image/jpeg"},
                         std::move(file));
}

}  // namespace pinhole::http
