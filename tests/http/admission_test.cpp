#include "server/admission.hpp"

#include <fcntl.h>
#include <sys/resource.h>

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/http/test_server.hpp"
#include "tests/support/sanitizers.hpp"

namespace pinhole::http {
namespace {

BOOST_AUTO_TEST_SUITE(admissions)

BOOST_AUTO_TEST_CASE(limits_in_all_and_for_each_address) {
    admission gate(4, 2);
    const auto remote = boost::asio::ip::make_address("192.0.2.1");
    const auto other = boost::asio::ip::make_address("2001:db8::1");
    const auto loopback = boost::asio::ip::make_address("127.0.0.1");
    auto first = gate.try_enter(remote);
    auto second = gate.try_enter(remote);
    BOOST_TEST((first && second));
    BOOST_TEST((gate.try_enter(remote).error() == rejection::address_full));
    auto third = gate.try_enter(other);
    BOOST_TEST(third.has_value());
    second->leave();
    BOOST_TEST(gate.count() == 2U);
    auto again = gate.try_enter(remote);
    BOOST_TEST(again.has_value());
    auto local = gate.try_enter(loopback);
    BOOST_TEST(local.has_value());
    BOOST_TEST((gate.try_enter(other).error() == rejection::full));  // four in all
}

BOOST_AUTO_TEST_CASE(loopback_has_no_limit_of_its_own) {
    admission gate(10, 1);
    const auto loopback = boost::asio::ip::make_address("::1");
    std::vector<admission::ticket> tickets;
    for (int i = 0; i < 10; ++i) {
        auto ticket = gate.try_enter(loopback);
        BOOST_REQUIRE(ticket.has_value());
        tickets.push_back(std::move(*ticket));
    }
    BOOST_TEST(!gate.try_enter(loopback));
}

/// That is how IPv4 comes to a socket that listens on [::].
BOOST_AUTO_TEST_CASE(mapped_loopback_was_limited) {
    admission gate(10, 1);
    const auto loopback = boost::asio::ip::make_address("::ffff:127.0.0.1");
    const auto first = gate.try_enter(loopback);
    const auto second = gate.try_enter(loopback);
    BOOST_TEST((first && second));
}

BOOST_AUTO_TEST_CASE(one_client_had_as_many_addresses_as_it_liked) {
    admission gate(10, 2);
    using boost::asio::ip::make_address;
    const auto first = gate.try_enter(make_address("2001:db8::1"));
    {
        const auto second = gate.try_enter(make_address("2001:db8::2"));
        BOOST_TEST((first && second));
        BOOST_TEST(!gate.try_enter(make_address("2001:db8::ffff:1:2:3")));
    }
    const auto again = gate.try_enter(make_address("2001:db8::3"));
    const auto neighbour = gate.try_enter(make_address("2001:db8:0:1::1"));
    BOOST_TEST((again && neighbour));
    const auto plain = gate.try_enter(make_address("192.0.2.1"));
    const auto mapped = gate.try_enter(make_address("::ffff:192.0.2.1"));
    BOOST_TEST((plain && mapped));
    BOOST_TEST(!gate.try_enter(make_address("192.0.2.1")));
}

BOOST_AUTO_TEST_CASE(waiting_ends_with_the_last_one) {
    admission gate(10, 0);
    auto ticket = gate.try_enter(boost::asio::ip::make_address("192.0.2.1"));
    std::thread leaver([&ticket] { ticket->leave(); });
    BOOST_TEST(gate.wait_until_empty(std::chrono::steady_clock::now() + std::chrono::hours(1)));
    leaver.join();
}

/// Takes every descriptor the process may have, but one.
class descriptor_shortage {
public:
    descriptor_shortage() {
        BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        rlimit few = before_;
        few.rlim_cur = 64;
        BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
        for (unique_fd file = open_one(); file; file = open_one()) {
            files_.push_back(std::move(file));
        }
        BOOST_REQUIRE(!files_.empty());
        files_.pop_back();
    }
    void end() {
        files_.clear();
        BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &before_) == 0);
    }

private:
    static unique_fd open_one() { return unique_fd(::open("/dev/null", O_RDONLY | O_CLOEXEC)); }

    rlimit before_{};
    std::vector<unique_fd> files_;
};

BOOST_AUTO_TEST_CASE(accepting_goes_on_after_a_shortage_of_descriptors,
                     *boost::unit_test::enable_if<test::can_run_without_descriptors>()) {
    test_server server;
    auto before = server.connect();
    BOOST_TEST(before.request("GET", "/hello").status == 200U);
    descriptor_shortage shortage;
    auto client = server.connect();  // waits in the kernel's queue: nobody can accept it
    client.send(get("/hello"));
    BOOST_TEST(before.request("GET", "/hello").status == 200U);
    BOOST_TEST(server.server().connections() == 1U);
    shortage.end();
    BOOST_TEST(client.receive().body == "hello");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
