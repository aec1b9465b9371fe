#include "tests/http/test_server.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>

#include "server/conditional.hpp"
#include "server/problem.hpp"
#include "server/range.hpp"

namespace pinhole::http {
namespace {

constexpr std::size_t echo_bytes_max = 1000;

std::string write_file(const std::string& bytes) {
    std::string path = "/tmp/pinhole-http-test-XXXXXX";
    const unique_fd file(::mkstemp(path.data()));
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

const std::string& large_file_bytes() {
    static const std::string bytes = [] {
        std::string made(3'000'000, '\0');
        unsigned state = 1;
        for (char& c : made) {
            state = state * 1664525U + 1013904223U;
            c = static_cast<char>(state >> 24);
        }
        return made;
    }();
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
    : file_path_(write_file(sample_file_bytes())),
      large_path_(write_file(large_file_bytes())),
      log_(log_fd < 0 ? log_level::off : log_level::info, log_fd),
      server_(std::move(options), log_) {
    // As stop_signals does in the program: sendfile(2) knows no MSG_NOSIGNAL.
    ::signal(SIGPIPE, SIG_IGN);
    server_.start(router(make_routes(), std::move(cors)));
}

test_server::~test_server() {
    server_.stop();
    pool_.close();
    ::unlink(file_path_.c_str());
    ::unlink(large_path_.c_str());
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
    routes.push_back({verb::get, "/block", [this](request&) { return block(); }});
    routes.push_back({verb::post, "/late", [this](request& r) { return read_late(r); }});
    routes.push_back({verb::get, "/if-match", [](request& r) { return show_if_match(r); }});
    routes.push_back({verb::get, "/client",
                      [this](request& r) { return answer(r.remote_address.to_string()); }});
    routes.push_back({verb::get, "/big", plain(big_body())});
    routes.push_back({verb::get, "/file", [this](request& r) {
                          return serve(r, file_path_, sample_file_bytes().size());
                      }});
    routes.push_back({verb::get, "/large", [this](request& r) {
                          return serve(r, large_path_, large_file_bytes().size());
                      }});
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

boost::asio::awaitable<response> test_server::block() {
    ++served_;
    arrived_.set_value();
    gate_.get_future().wait();
    co_return response::json(status::ok, "through");
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

bool test_server::forget_large_file() {
    const unique_fd file(::open(large_path_.c_str(), O_RDONLY | O_CLOEXEC));
    // Only what is on disk can be forgotten.
    if (::fsync(file.get()) != 0 || ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED) != 0) {
        return false;
    }
    for (const auto offset : {std::size_t(0), large_file_bytes().size() - 1}) {
        char byte = 0;
        const iovec to{.iov_base = &byte, .iov_len = 1};
        if (::preadv2(file.get(), &to, 1, static_cast<off_t>(offset), RWF_NOWAIT) >= 0 ||
            errno != EAGAIN) {
            return false;
        }
    }
    return true;
}

boost::asio::awaitable<response> test_server::serve(request& request, const std::string& path,
                                                    std::size_t bytes) {
    ++served_;
    unique_fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    co_return serve_file(request,
                         {.etag = std::string(sample_etag),
                          .last_modified = *parse_http_date(sample_date),
                          .size_bytes = bytes,
                          .content_type = "image/jpeg"},
                         std::move(file));
}

}  // namespace pinhole::http
