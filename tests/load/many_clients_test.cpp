// Rate limits of the program behind a proxy: whom they meet, whom they do not, what they cost.
//
// PINHOLE_TEST_CLIENT_ADDRESSES sets from how many addresses logins are tried.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/load/load_fixture.hpp"

namespace pinhole::test {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
/// More than the buckets that a limiter keeps.
constexpr unsigned usual_addresses = 70'000;
constexpr std::uint64_t bucket_memory_max = 48 * mebibyte;

const std::vector<std::string> behind_a_proxy{"--rate-limits", "on", "--trusted-proxies",
                                              "127.0.0.1"};

std::string address(unsigned number) {
    return "10." + std::to_string(number >> 16U) + "." + std::to_string((number >> 8U) & 0xffU) +
           "." + std::to_string(number & 0xffU);
}

header_list from(const std::string& client) {
    return {{"X-Forwarded-For", client}};
}

/// Costs a token of the client's, and no hash.
http_response try_login(api_client& client, const std::string& forwarded_for) {
    return client.post("/api/v1/auth/login", json::object(), from(forwarded_for));
}

http_response log_in(api_client& client, const std::string& username, std::string_view password,
                     const std::string& forwarded_for) {
    return client.post("/api/v1/auth/login", {{"username", username}, {"password", password}},
                       from(forwarded_for));
}

int retry_after(const http_response& answer) {
    return std::stoi(answer.header("Retry-After"));
}

/// How many tries in a row were let through, of at most `most`.
int tries_allowed(api_client& client, const std::function<std::string(int)>& forwarded_for,
                  int most) {
    for (int i = 0; i < most; ++i) {
        const auto answer = try_login(client, forwarded_for(i));
        if (answer.status == 429) {
            check_problem(answer, 429);
            BOOST_TEST(retry_after(answer) >= 1);
            return i;
        }
        check_status(answer, 422);
    }
    return most;
}

unsigned addresses() {
    const char* const wanted = std::getenv("PINHOLE_TEST_CLIENT_ADDRESSES");
    return wanted != nullptr ? static_cast<unsigned>(std::stoul(wanted)) : usual_addresses;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(many_clients)

BOOST_AUTO_TEST_CASE(a_proxy_is_believed_only_if_it_is_trusted) {
    load_server plain({"--rate-limits", "on"});
    api_client direct(plain.port());
    const auto another = [](int i) { return address(static_cast<unsigned>(i)); };
    BOOST_TEST(tries_allowed(direct, another, 100) < 40);

    load_server behind(behind_a_proxy);
    api_client proxy(behind.port());
    BOOST_TEST(tries_allowed(proxy, another, 100) == 100);
    // What a client writes there itself stands left of what the proxy adds.
    const auto made_up = [](int i) { return address(static_cast<unsigned>(i)) + ", 198.51.100.7"; };
    BOOST_TEST(tries_allowed(proxy, made_up, 100) < 40);
}

/// Whoever guesses uses up his own tries, from every address that he has.
BOOST_AUTO_TEST_CASE(nobody_locks_another_out) {
    load_server server(behind_a_proxy);
    api_client client(server.port());
    const json account{{"username", "victim"}, {"password", default_password}};
    check_status(client.post("/api/v1/auth/signup", account, from("192.0.2.1")), 201);
    for (unsigned attacker = 0; attacker < 8; ++attacker) {
        unsigned status = 0;
        int guesses = 0;
        while (status != 429 && guesses < 30) {
            status = log_in(client, "victim", "guess number " + std::to_string(guesses++),
                            address(attacker))
                         .status;
            BOOST_TEST((status == 401 || status == 429));
        }
        BOOST_TEST(guesses < 30);
        // Not even with the right one.
        BOOST_TEST(log_in(client, "victim", default_password, address(attacker)).status == 429U);
    }
    const auto answer = log_in(client, "victim", default_password, "192.0.2.1");
    client.adopt(parse(answer, 200));
    check_status(client.get("/api/v1/users/me"), 200);
}

/// The promise of the field: whoever waits so long is served.
BOOST_AUTO_TEST_CASE(waiting_as_long_as_told_suffices) {
    load_server server({"--rate-limits", "on"});
    auto user = sign_up(server.port());
    // One that is refused for its body counts as well, and waits for no disk.
    const auto write = [&] { return user.patch("/api/v1/users/me", json{{"x", "y"}}); };
    const auto try_again = [&] { return try_login(user, ""); };
    for (const std::function<http_response()>& act :
         {std::function<http_response()>(write), std::function<http_response()>(try_again)}) {
        http_response answer = act();
        for (int i = 0; i < 5000 && answer.status != 429; ++i) {
            answer = act();
        }
        check_problem(answer, 429);
        std::this_thread::sleep_for(std::chrono::seconds(retry_after(answer)));
        BOOST_TEST(act().status != 429U);
    }
}

BOOST_AUTO_TEST_CASE(any_number_of_addresses_costs_bounded_memory) {
    load_server server(behind_a_proxy);
    auto client = server.connect();
    constexpr unsigned at_once = 100;
    const auto before = server.process().resident_bytes();
    for (unsigned first = 0; first < addresses(); first += at_once) {
        std::string requests;
        for (unsigned i = first; i < first + at_once; ++i) {
            requests +=
                "POST /api/v1/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                "Content-Length: 2\r\nX-Forwarded-For: " +
                address(i) + "\r\n\r\n{}";
        }
        client.send(requests);
        for (unsigned i = 0; i < at_once; ++i) {
            BOOST_TEST_REQUIRE(client.receive().status == 422U);
        }
    }
    const auto after = server.process().resident_bytes();
    const auto grown = after - std::min(after, before);
    BOOST_TEST_MESSAGE(addresses() << " addresses, " << grown / 1024 << " KiB");
    check_memory(grown, bucket_memory_max);
    server.check_stops();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
