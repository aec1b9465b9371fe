// Files that the page cache does not hold are read by the file pool, and arrive whole.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <future>
#include <string>

#include "tests/http/log_pipe.hpp"
#include "tests/http/test_server.hpp"

namespace pinhole::http {
namespace {

server_options one_file_thread(std::size_t queue_max) {
    server_options options;
    options.io_threads = 1;
    options.file_threads = 1;
    options.file_queue_max = queue_max;
    return options;
}

/// Keeps the file pool's one thread until it is let go.
class busy_file_pool {
public:
    explicit busy_file_pool(test_server& server) {
        std::promise<void> begun;
        BOOST_REQUIRE(server.server().file_pool().try_submit([&begun, gate = gate_.get_future()] {
            begun.set_value();
            gate.wait();
        }));
        begun.get_future().wait();
    }
    ~busy_file_pool() { let_go(); }
    void let_go() {
        if (!std::exchange(gone_, true)) {
            gate_.set_value();
        }
    }

private:
    std::promise<void> gate_;
    bool gone_ = false;
};

BOOST_AUTO_TEST_SUITE(downloads)

BOOST_AUTO_TEST_CASE(files_arrive_whole_from_the_cache_and_from_the_disk) {
    test_server server;
    const auto& bytes = large_file_bytes();
    auto client = server.connect();
    for (int round = 0; round < 4; ++round) {
        if (round % 2 == 0) {
            server.forget_large_file();
        }
        const auto whole = client.request("GET", "/large");
        BOOST_TEST(whole.status == 200U);
        BOOST_TEST((whole.body == bytes));
    }
    for (const auto& [offset, length] :
         {std::pair(std::size_t(0), std::size_t(1)), std::pair(std::size_t(4095), std::size_t(2)),
          std::pair(bytes.size() - 1, std::size_t(1)),
          std::pair(std::size_t(1'000'001), std::size_t(1'500'000))}) {
        server.forget_large_file();
        const auto part = client.request("GET", "/large",
                                         {{"Range", "bytes=" + std::to_string(offset) + "-" +
                                                        std::to_string(offset + length - 1)}});
        BOOST_TEST(part.status == 206U);
        BOOST_TEST((part.body == bytes.substr(offset, length)));
    }
}

BOOST_AUTO_TEST_CASE(a_file_on_disk_held_up_its_io_thread) {
    test_server server(one_file_thread(8));
    auto slow = server.connect();
    auto quick = server.connect();
    BOOST_TEST((slow.request("GET", "/large").body == large_file_bytes()));
    busy_file_pool busy(server);
    // From the cache no thread is needed.
    BOOST_TEST((quick.request("GET", "/large").body == large_file_bytes()));
    if (!server.forget_large_file()) {
        BOOST_TEST_MESSAGE("this file system does not say what its cache holds");
        return;
    }
    slow.send(get("/large"));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (server.server().file_pool().queued() == 0) {
        BOOST_TEST(quick.request("GET", "/hello").body == "hello");
        BOOST_REQUIRE((std::chrono::steady_clock::now() < deadline));
    }
    BOOST_TEST(quick.request("GET", "/hello").body == "hello");
    busy.let_go();
    BOOST_TEST((slow.receive().body == large_file_bytes()));
}

/// The client's time does not run while the disk is waited for.
BOOST_AUTO_TEST_CASE(a_slow_disk_is_not_the_readers_fault) {
    auto options = one_file_thread(8);
    options.transfer_grace = std::chrono::milliseconds(50);
    options.header_timeout = std::chrono::milliseconds(200);
    test_server server(options);
    if (!server.forget_large_file()) {
        BOOST_TEST_MESSAGE("this file system does not say what its cache holds");
        return;
    }
    busy_file_pool busy(server);
    auto client = server.connect();
    client.send(get("/large"));
    // When this one is timed out, all shorter deadlines have been looked at.
    auto other = server.connect();
    other.send("GET");
    BOOST_TEST(other.receive().status == 408U);
    busy.let_go();
    BOOST_TEST((client.receive().body == large_file_bytes()));
}

BOOST_AUTO_TEST_CASE(a_download_is_cut_off_where_too_many_wait_for_the_disk) {
    log_pipe pipe;
    {
        test_server server(one_file_thread(1), {}, pipe.writer.get());
        if (!server.forget_large_file()) {
            BOOST_TEST_MESSAGE("this file system does not say what its cache holds");
            return;
        }
        busy_file_pool busy(server);
        BOOST_REQUIRE(server.server().file_pool().try_submit([] {}));
        auto client = server.connect();
        client.send(get("/large"));
        BOOST_TEST(client.receive_until_closed(true).size() < 1000U);
        BOOST_TEST(server.connect().request("GET", "/hello").body == "hello");
    }
    int warned = 0;
    for (const auto& line : pipe.lines()) {
        warned += line.value("message", "").starts_with("a download was cut off") ? 1 : 0;
    }
    BOOST_TEST(warned == 1);
}

BOOST_AUTO_TEST_CASE(stopping_waits_for_what_the_file_pool_reads) {
    test_server server(one_file_thread(8));
    if (!server.forget_large_file()) {
        BOOST_TEST_MESSAGE("this file system does not say what its cache holds");
        return;
    }
    busy_file_pool busy(server);
    auto client = server.connect();
    client.send(get("/large"));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    auto other = server.connect();
    while (server.server().file_pool().queued() == 0) {
        other.request("GET", "/hello");
        BOOST_REQUIRE((std::chrono::steady_clock::now() < deadline));
    }
    server.server().stop();
    BOOST_TEST(client.receive_until_closed(true).size() < 1000U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
