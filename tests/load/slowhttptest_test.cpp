// An attacker that is not ours: slowhttptest, in its four modes at the same time.
//
// PINHOLE_TEST_SLOWHTTPTEST is "CONNECTIONS SECONDS": how many connections each mode opens, and how
// long it attacks.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <sstream>
#include <thread>
#include <vector>

#include "tests/load/load_fixture.hpp"

namespace pinhole::test {

namespace {

boost::test_tools::assertion_result is_installed(boost::unit_test::test_unit_id) {
    boost::test_tools::assertion_result can(
        std::system("command -v slowhttptest >/dev/null 2>&1") == 0);
    can.message() << "slowhttptest is not installed";
    return can;
}

struct extent {
    int connections = 250;
    int seconds = 5;
};

extent read_extent() {
    extent wanted;
    if (const char* const text = std::getenv("PINHOLE_TEST_SLOWHTTPTEST")) {
        std::istringstream(text) >> wanted.connections >> wanted.seconds;
    }
    return wanted;
}

/// What the program prints until it ends.
std::string run(const std::string& command) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(::popen(command.c_str(), "re"),
                                                               ::pclose);
    std::string output;
    if (pipe) {
        for (int c = std::fgetc(pipe.get()); c != EOF; c = std::fgetc(pipe.get())) {
            output += static_cast<char>(c);
        }
    }
    return output;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(slowhttptest, *boost::unit_test::precondition(is_installed))

BOOST_AUTO_TEST_CASE(the_service_stays_available_under_every_attack) {
    raise_descriptor_limit();
    load_server server;
    auto user = sign_up(server.port());
    const json post = create_post(user, "attacked", 1);
    const std::string root = "http://127.0.0.1:" + std::to_string(server.port());
    const std::string media = root + text(post.at("files").at(0), "url");
    const auto [connections, seconds] = read_extent();
    const std::string usual = " -c " + std::to_string(connections) + " -r 500 -p 3 -l " +
                              std::to_string(seconds) + " -u ";
    const std::vector<std::string> attacks{
        "slowhttptest -H -i 2" + usual + root + "/healthz",
        "slowhttptest -B -i 2 -s 8192" + usual + root + "/api/v1/auth/login",
        "slowhttptest -X -w 10 -y 20 -n 1 -z 5 -k 3" + usual + media,
        "slowhttptest -R -a 1 -b 3000" + usual + media};
    std::vector<std::string> outputs(attacks.size());
    std::vector<std::thread> attackers;
    attackers.reserve(attacks.size());
    std::atomic<std::size_t> running = attacks.size();
    for (std::size_t i = 0; i < attacks.size(); ++i) {
        attackers.emplace_back([&, i] {
            outputs[i] = run(attacks[i] + " 2>&1");
            --running;
        });
    }
    std::chrono::milliseconds slowest{0};
    while (running > 0) {
        slowest = std::max(slowest, time_of_plain_request(server.port()));
    }
    for (std::thread& attacker : attackers) {
        attacker.join();
    }
    BOOST_TEST_MESSAGE("slowest plain request: " << slowest.count() << " ms");
    BOOST_TEST(slowest < plain_request_patience);
    for (std::size_t i = 0; i < attacks.size(); ++i) {
        BOOST_TEST_CONTEXT(attacks[i] << outputs[i]) {
            BOOST_TEST(outputs[i].contains("service available"));
            BOOST_TEST(!outputs[i].contains("NO"));
        }
    }
    server.check_stops();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
