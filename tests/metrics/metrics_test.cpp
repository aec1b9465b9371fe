// What /metrics says is what has happened: the server program, its API, its numbers.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>

#include "tests/api/entity_checks.hpp"
#include "tests/metrics/watched_server.hpp"

namespace pinhole::test {

BOOST_FIXTURE_TEST_SUITE(metrics, watched_server)

BOOST_AUTO_TEST_CASE(requests_are_counted_by_route_method_and_status) {
    start();
    auto kim = sign_up(port, "kim");
    const json post = create_post(kim, "counted");
    const std::string path = path_of_post(post);
    for (int i = 0; i < 3; ++i) {
        kim.get_json(path);
    }
    check_status(kim.get("/api/v1/posts/12345"), 404);
    check_status(kim.get("/api/v1/nothing/12345"), 404);
    check_status(kim.request("PUT", path), 405);
    check_status(kim.remove(path), 204);
    check_status(kim.get("/metrics"), 404);
    BOOST_TEST(answered(10));
    const auto answer = ask_admin("/metrics");
    BOOST_TEST(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8");
    BOOST_TEST(!answer.body.contains(text(post, "id")));
    BOOST_TEST(!answer.body.contains("12345"));
    const exposition now(answer.body);
    const auto requests = [&](std::string_view method, std::string_view route,
                              std::string_view status) {
        return now.value("pinhole_http_requests_total", request_labels(method, route, status));
    };
    BOOST_TEST(requests("POST", "/api/v1/auth/signup", "201") == 1);
    BOOST_TEST(requests("POST", "/api/v1/posts", "201") == 1);
    BOOST_TEST(requests("GET", "/api/v1/posts/{id}", "200") == 3);
    BOOST_TEST(requests("GET", "/api/v1/posts/{id}", "404") == 1);
    BOOST_TEST(requests("PUT", "/api/v1/posts/{id}", "405") == 1);
    BOOST_TEST(requests("DELETE", "/api/v1/posts/{id}", "204") == 1);
    BOOST_TEST(requests("GET", "unmatched", "404") == 2);

    const metric_labels reads{{"method", "GET"}, {"route", "/api/v1/posts/{id}"}};
    BOOST_TEST(now.value("pinhole_http_request_duration_seconds_count", reads) == 4);
    const double seconds = now.value("pinhole_http_request_duration_seconds_sum", reads);
    BOOST_TEST(seconds > 0);
    BOOST_TEST(seconds < 60);
    BOOST_TEST(now.sum("pinhole_http_request_duration_seconds_count") == 10);
    BOOST_TEST(now.value("pinhole_http_received_bytes_total") > 1000);
    BOOST_TEST(now.value("pinhole_http_sent_bytes_total") > 1000);
    stop();
}

BOOST_AUTO_TEST_CASE(what_is_refused_is_counted_by_its_reason) {
    start({"--rate-limits", "off", "--header-timeout", "2s"});
    const auto exchange = [this](const std::string& bytes) {
        http_client client(port);
        client.send_until_closed(bytes);
        return client.receive().status;
    };
    BOOST_TEST(exchange("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n") == 400U);
    BOOST_TEST(exchange("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(20'000, 'x')) == 431U);
    BOOST_TEST(exchange("GET / HTTP/1.1\r\nHos") == 408U);
    BOOST_TEST(answered(3));
    const auto now = scrape();
    const auto refused = [&](std::string_view reason) {
        return now.value("pinhole_http_refused_requests_total", {{"reason", std::string(reason)}});
    };
    BOOST_TEST(refused("malformed") == 1);
    BOOST_TEST(refused("header_too_large") == 1);
    BOOST_TEST(refused("header_timeout") == 1);
    BOOST_TEST(now.sum("pinhole_http_refused_requests_total") == 3);
    stop();
}

BOOST_AUTO_TEST_CASE(every_429_is_counted) {
    start({});
    auto kim = sign_up(port, "kim");
    const std::string username = kim.username();
    int limited = 0;
    for (int i = 0; i < 25; ++i) {
        const auto answer =
            kim.post("/api/v1/auth/login", {{"username", username}, {"password", "a wrong guess"}});
        limited += answer.status == 429 ? 1 : 0;
    }
    BOOST_TEST(limited > 0);
    const auto now = scrape();
    BOOST_TEST(now.sum("pinhole_rate_limited_total") == limited);
    BOOST_TEST(now.value("pinhole_rate_limited_total", {{"limit", "guesses"}}) > 0);
    BOOST_TEST(now.value("pinhole_rate_limited_total", {{"limit", "signups"}}) == 0);
    stop();
}

BOOST_AUTO_TEST_CASE(a_full_pool_tells_how_often_it_refused) {
    start({"--rate-limits", "off", "--hash-threads", "1", "--hash-queue-max", "1"});
    auto kim = sign_up(port, "kim");
    const json login{{"username", kim.username()}, {"password", default_password}};
    const metric_labels hash{{"pool", "hash"}};
    // The sign-up is answered before its task has ended.
    BOOST_TEST(scraped(
        [&](const exposition& now) { return now.value("pinhole_pool_busy_threads", hash) == 0; }));
    const double done_before = scrape().value("pinhole_pool_tasks_total", hash);
    std::atomic<int> refused = 0;
    std::atomic<int> done = 0;
    run_parallel(8, [&](unsigned) {
        api_client client(port);
        for (int i = 0; i < 3; ++i) {
            const auto status = client.post("/api/v1/auth/login", login).status;
            ++(status == 503 ? refused : done);
        }
    });
    BOOST_TEST(refused > 0);
    BOOST_TEST(scraped([&](const exposition& now) {
        return now.value("pinhole_pool_tasks_total", hash) == done_before + done &&
               now.value("pinhole_pool_busy_threads", hash) == 0;
    }));
    const auto now = scrape();
    BOOST_TEST(now.value("pinhole_pool_refused_tasks_total", hash) == refused);
    BOOST_TEST(now.value("pinhole_pool_threads", hash) == 1);
    BOOST_TEST(now.value("pinhole_pool_queue_max_tasks", hash) == 1);
    BOOST_TEST(now.value("pinhole_pool_queued_tasks", hash) == 0);
    for (const char* pool : {"hash", "media", "upload", "placement", "read", "verify", "file"}) {
        BOOST_TEST(now.value("pinhole_pool_threads", {{"pool", pool}}) >= 1, pool);
    }
    stop();
}

BOOST_AUTO_TEST_CASE(the_store_tells_what_it_wrote_and_read) {
    start();
    auto kim = sign_up(port, "kim");
    const json post = create_post(kim, "kept");
    const auto before = scrape();
    for (int i = 0; i < 5; ++i) {
        create_comment(kim, post);
    }
    const auto after = scrape();
    const auto grown = [&](std::string_view name, const metric_labels& labels = {}) {
        return after.value(name, labels) - before.value(name, labels);
    };
    BOOST_TEST(grown("pinhole_store_commits_total", {{"outcome", "ok"}}) >= 5);
    BOOST_TEST(grown("pinhole_store_commit_groups_total") >= 5);
    BOOST_TEST(grown("pinhole_store_log_syncs_total") >= 5);
    BOOST_TEST(grown("pinhole_store_log_written_bytes_total") > 500);
    BOOST_TEST(after.value("pinhole_store_log_bytes") > 0);
    BOOST_TEST(after.value("pinhole_store_memtable_bytes", {{"family", "posts"}}) > 0);
    BOOST_TEST(after.value("pinhole_store_rows", {{"family", "comments"}}) >= 5);
    BOOST_TEST(grown("pinhole_login_cache_lookups_total", {{"result", "hit"}}) == 5);
    BOOST_TEST(after.value("pinhole_login_cache_tokens") == 1);
    stop();

    start();  // which has brought the rows into tables
    kim.move_to(port);
    kim.get_json(path_of_post(post));
    const auto again = scrape();
    BOOST_TEST(again.value("pinhole_store_tables", {{"family", "posts"}}) >= 1);
    BOOST_TEST(again.value("pinhole_store_table_bytes", {{"family", "posts"}}) > 0);
    BOOST_TEST(again.value("pinhole_store_table_read_bytes_total") > 0);
    BOOST_TEST(again.value("pinhole_store_block_cache_lookups_total", {{"result", "miss"}}) > 0);
    BOOST_TEST(again.value("pinhole_store_block_cache_bytes") > 0);
    kim.get_json(path_of_post(post));
    const metric_labels hit{{"result", "hit"}};
    const auto warm = scrape();
    BOOST_TEST(warm.value("pinhole_store_block_cache_lookups_total", hit) >
               again.value("pinhole_store_block_cache_lookups_total", hit));
    stop();
}

BOOST_AUTO_TEST_CASE(the_process_and_the_disk_are_measured) {
    const auto begun = std::chrono::system_clock::now();
    start();
    const auto now = scrape();
    BOOST_TEST(now.value("process_resident_memory_bytes") >
               static_cast<double>(server->resident_bytes()) / 4);
    BOOST_TEST(now.value("process_virtual_memory_bytes") >
               now.value("process_resident_memory_bytes"));
    const auto descriptors = static_cast<double>(server->open_descriptors());
    BOOST_TEST(std::abs(now.value("process_open_fds") - descriptors) <= 10);
    BOOST_TEST(now.value("process_max_fds") >= descriptors);
    BOOST_TEST(now.value("process_cpu_seconds_total") > 0);
    const auto since_1970 = std::chrono::duration<double>(begun.time_since_epoch()).count();
    BOOST_TEST(std::abs(now.value("process_start_time_seconds") - since_1970) < 60);
    BOOST_TEST(now.sum("pinhole_build_info") == 1);
    const auto room = std::filesystem::space(data);
    for (const char* of : {"db", "media"}) {
        BOOST_TEST(now.value("pinhole_disk_size_bytes", {{"of", of}}) ==
                   static_cast<double>(room.capacity));
        BOOST_TEST(now.value("pinhole_disk_free_bytes", {{"of", of}}) > 0);
    }
    BOOST_TEST(now.value("pinhole_ready") == 1);
    BOOST_TEST(now.value("pinhole_store_health", {{"state", "ok"}}) == 1);
    BOOST_TEST(now.sum("pinhole_store_health") == 1);
    BOOST_TEST(now.value("pinhole_metrics_failures_total") == 0);
    stop();
}

BOOST_AUTO_TEST_CASE(a_full_disk_shows) {
    start();
    stop();
    start({"--disk-reserve", "900000GiB"});
    const auto now = scrape();
    BOOST_TEST(now.value("pinhole_ready") == 0);
    BOOST_TEST(now.value("pinhole_store_health", {{"state", "full"}}) == 1);
    BOOST_TEST(now.value("pinhole_store_health", {{"state", "ok"}}) == 0);
    BOOST_TEST(ask_admin("/readyz").status == 503U);
    BOOST_TEST(ask_admin("/healthz").status == 200U);
    stop();
}

/// A store that is in trouble takes nothing away from what else there is to see.
BOOST_AUTO_TEST_CASE(what_the_store_does_not_tell_is_left_out) {
    start();
    auto kim = sign_up(port, "kim");
    std::filesystem::rename(data / "media", data / "elsewhere");
    const auto now = scrape();
    BOOST_TEST(!now.has("pinhole_disk_free_bytes"));
    BOOST_TEST(now.value("pinhole_metrics_failures_total") == 1);
    BOOST_TEST(now.sum("pinhole_http_requests_total") >= 0);
    BOOST_TEST(now.value("process_resident_memory_bytes") > 0);
    BOOST_TEST(eventually([&] {
        std::ifstream file(log);
        std::stringstream said;
        said << file.rdbuf();
        return said.str().contains("the store does not tell its numbers");
    }));
    std::filesystem::rename(data / "elsewhere", data / "media");
    BOOST_TEST(scrape().has("pinhole_disk_free_bytes"));
    stop();
}

BOOST_AUTO_TEST_CASE(scrapes_under_load_see_counters_that_only_grow) {
    start();
    constexpr int clients = 4;
    constexpr int requests = 150;
    std::atomic<int> busy = clients;
    std::atomic<int> scrapes = 0;
    run_parallel(clients + 2, [&](unsigned index) {
        if (index < clients) {
            api_client client(port);
            for (int i = 0; i < requests; ++i) {
                client.get(i % 2 == 0 ? "/healthz" : "/api/v1/posts");
            }
            --busy;
            return;
        }
        http_client watcher(admin_port);
        double before = 0;
        do {
            const exposition now(watcher.request("GET", "/metrics").body);
            const double counted = now.sum("pinhole_http_requests_total");
            if (counted < before) {
                throw std::runtime_error("a counter went back");
            }
            before = counted;
            ++scrapes;
        } while (busy > 0);
    });
    BOOST_TEST(scrapes >= 2);
    BOOST_TEST(answered(clients * requests));
    const auto now = scrape();
    const metric_labels health{{"method", "GET"}, {"route", "/healthz"}, {"status", "200"}};
    BOOST_TEST(now.value("pinhole_http_requests_total", health) == clients * requests / 2);
    const metric_labels lists{{"method", "GET"}, {"route", "/api/v1/posts"}, {"status", "401"}};
    BOOST_TEST(now.value("pinhole_http_requests_total", lists) == clients * requests / 2);
    stop();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
