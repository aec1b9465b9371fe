// The address of the metrics itself: what stands there, when it is there, and what happens where it
// can't be had.
#include <fstream>
#include <sstream>

#include "tests/api/entity_checks.hpp"
#include "tests/metrics/watched_server.hpp"

namespace pinhole::test {

namespace {

std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(watching, watched_server)

BOOST_AUTO_TEST_CASE(each_address_has_its_own) {
    start();
    BOOST_TEST(ask_admin("/metrics").status == 200U);
    BOOST_TEST(ask_admin("/healthz").status == 200U);
    BOOST_TEST(ask_admin("/readyz").body == R"({"status":"ready"})");
    BOOST_TEST(ask_admin("/api/v1/posts").status == 404U);
    BOOST_TEST(ask_admin("/media/a").status == 404U);
    BOOST_TEST(ask_admin("/").status == 404U);
    BOOST_TEST(http_client(admin_port).request("POST", "/metrics").status == 405U);
    api_client client(port);
    check_status(client.get("/metrics"), 404);
    check_status(client.get("/readyz"), 200);
    stop();
}

BOOST_AUTO_TEST_CASE(there_is_none_unless_it_is_wanted) {
    server_process plain(serve_arguments(data), log);
    plain.wait_until_serving();
    plain.send_signal(SIGTERM);
    BOOST_TEST(plain.rest_of_output().empty());
    BOOST_TEST(plain.wait().exit_status == 0);
}

BOOST_AUTO_TEST_CASE(an_address_that_is_taken_is_an_error_that_names_it) {
    start();
    const auto second_log = directory.path() / "second log";
    const std::string taken = "127.0.0.1:" + std::to_string(port);
    for (const std::vector<std::string>& addresses : std::vector<std::vector<std::string>>{
             {"--listen", "127.0.0.1:0", "--admin-listen", taken},
             {"--listen", taken, "--admin-listen", "127.0.0.1:0"},
         }) {
        std::filesystem::remove(second_log);
        auto arguments = addresses;
        arguments.insert(arguments.end(), {"--data-dir", (directory.path() / "other").string()});
        server_process second(arguments, second_log);
        BOOST_TEST(second.wait().exit_status == 1);
        BOOST_TEST(second.rest_of_output().empty());
        BOOST_TEST(
            text_of(second_log).contains("cannot listen on " + taken + ": Address already in use"));
    }
    server_process third({"--admin-listen", "nowhere"}, second_log);
    BOOST_TEST(third.wait().exit_status == 2);
    BOOST_TEST(text_of(second_log).contains("--admin-listen: 'nowhere' is no listen address"));
    BOOST_TEST(ask_admin("/metrics").status == 200U);
    stop();
}

/// Whoever waits for a server to end sees what it still does.
BOOST_AUTO_TEST_CASE(a_drain_can_be_watched) {
    start();
    auto user = sign_up(port, "kim");
    const auto form = post_form("just in time");
    http_client slow(port);
    slow.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + user.token() +
              "\r\nContent-Type: " + form.content_type() + "\r\nContent-Length: " +
              std::to_string(form.text().size()) + "\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST(slow.receive().status == 100U);
    server->send_signal(SIGTERM);
    BOOST_TEST(scraped([](const exposition& now) {
        return now.value("pinhole_http_connections") == 1;  // the idle one is closed
    }));
    const auto now = scrape();
    BOOST_TEST(now.value("pinhole_http_requests_in_flight") == 1);
    BOOST_TEST(now.value("pinhole_ready") == 1);
    slow.send(form.text());
    BOOST_TEST(slow.receive().status == 201U);
    BOOST_TEST(server->wait().exit_status == 0);
    BOOST_CHECK_THROW(ask_admin("/metrics"), std::exception);
}

BOOST_AUTO_TEST_CASE(a_watcher_that_keeps_its_connection_holds_up_no_end) {
    start();
    http_client silent(admin_port);
    http_client kept(admin_port);
    BOOST_TEST(kept.request("GET", "/metrics").status == 200U);
    const auto begun = std::chrono::steady_clock::now();
    stop();
    BOOST_TEST((std::chrono::steady_clock::now() - begun < std::chrono::seconds(8)));
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_it_at_once_beside_a_watcher) {
    start();
    auto user = sign_up(port, "kim");
    http_client slow(port);
    slow.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + user.token() +
              "\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 100\r\n"
              "Expect: 100-continue\r\n\r\n");
    BOOST_TEST(slow.receive().status == 100U);
    http_client watcher(admin_port);
    BOOST_TEST(watcher.request("GET", "/metrics").status == 200U);
    server->send_signal(SIGINT);
    BOOST_TEST(eventually([&] { return text_of(log).contains("\"stopping\""); }));
    server->send_signal(SIGINT);
    BOOST_TEST(server->wait(std::chrono::seconds(5)).exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
