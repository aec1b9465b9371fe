// Clients that send and receive as slowly as they are allowed to, and more slowly.
#include <boost/test/unit_test.hpp>
#include <vector>

#include "tests/load/load_fixture.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

/// More than the kernel's buffers take of an answer to a client that does not read.
constexpr int large_width = 3000;
constexpr int large_height = 2000;
constexpr int small_receive_buffer = 4096;
constexpr std::chrono::milliseconds byte_interval{250};

/// The URL of a photo that is large enough to be read slowly.
std::string publish_large_photo(std::uint16_t port) {
    auto author = sign_up(port);
    multipart_body form;
    form.file("files", "large.jpg", "image/jpeg", make_jpeg(large_width, large_height, 1));
    const json post = parse(author.upload(form), 201);
    return text(post.at("files").at(0), "url");
}

/// Clients of three kinds, each of which holds a connection and has begun a request.
class slow_crowd {
public:
    slow_crowd(const load_server& server, std::size_t of_each_kind) {
        const std::string url = publish_large_photo(server.port());
        clients_.reserve(3 * of_each_kind);
        for (std::size_t i = 0; i < of_each_kind; ++i) {
            add(server, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: ");
        }
        for (std::size_t i = 0; i < of_each_kind; ++i) {
            add(server,
                "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                "Content-Length: 60000\r\n\r\n");
        }
        first_reader_ = clients_.size();
        for (std::size_t i = 0; i < of_each_kind; ++i) {
            clients_.push_back(server.connect());
            clients_.back().limit_receive_buffer(small_receive_buffer);
            clients_.back().send("GET " + url + " HTTP/1.1\r\nHost: a\r\n\r\n");
        }
    }

    /// Each moves one byte; how many could not, since the server has closed.
    std::size_t move_one_byte() {
        std::size_t closed = 0;
        for (std::size_t i = 0; i < clients_.size(); ++i) {
            const bool moved = i < first_reader_ ? clients_[i].send_until_closed("x") == 1
                                                 : clients_[i].receive_some(1) == 1;
            closed += moved ? 0 : 1;
        }
        return closed;
    }

    std::size_t size() const { return clients_.size(); }

private:
    void add(const load_server& server, std::string_view begin) {
        clients_.push_back(server.connect());
        clients_.back().send(begin);
    }

    std::vector<http_client> clients_;
    std::size_t first_reader_ = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(slow_clients)

/// Their deadlines are far away here, so that all of them are there all along.
BOOST_AUTO_TEST_CASE(a_thousand_slow_connections_do_not_slow_a_plain_request) {
    raise_descriptor_limit();
    load_server server(
        {"--header-timeout", "10m", "--idle-timeout", "10m", "--bytes-per-second-min", "1"});
    slow_crowd crowd(server, 340);
    BOOST_TEST_REQUIRE(crowd.size() >= 1000U);
    auto user = sign_up(server.port());
    const json post = create_post(user);
    for (int round = 0; round < 20; ++round) {
        BOOST_TEST_REQUIRE(crowd.move_one_byte() == 0U);
        BOOST_TEST(time_of_plain_request(server.port()) < plain_request_patience);
        const auto begun = std::chrono::steady_clock::now();
        check_status(user.get(path_of_post(post)), 200);
        BOOST_TEST((std::chrono::steady_clock::now() - begun < plain_request_patience));
    }
    BOOST_TEST(open_sockets(server.process().pid()) > crowd.size());
}

/// The grace of ten seconds that a body or an answer may stand still is the server's own.
BOOST_AUTO_TEST_CASE(whoever_is_too_slow_is_cut_off_though_a_byte_moves_now_and_then) {
    load_server server({"--header-timeout", "2s", "--idle-timeout", "2s"});
    const std::size_t before = open_sockets(server.process().pid());
    slow_crowd crowd(server, 20);
    auto idle = server.connect();
    BOOST_TEST(idle.request("GET", "/healthz").status == 200U);
    BOOST_TEST(open_sockets(server.process().pid()) >= before + crowd.size());
    BOOST_TEST(idle.receive_until_closed() == "");
    // A few bytes a second each. No client helps by closing its side.
    auto next_byte = std::chrono::steady_clock::now();
    BOOST_TEST(eventually([&] {
        if (std::chrono::steady_clock::now() >= next_byte) {
            crowd.move_one_byte();
            next_byte += byte_interval;
        }
        return open_sockets(server.process().pid()) == before;
    }));
    BOOST_TEST(time_of_plain_request(server.port()) < plain_request_patience);
    server.check_stops();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
