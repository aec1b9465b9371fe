// A disk without a free byte, filled by another program: before, during and at the start of the
// server. Writes are refused with 507, everything else goes on, and writes are taken again soon
// after there is room, without a restart.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <csignal>
#include <optional>

#include "tests/api/entity_checks.hpp"
#include "tests/faults/faults.hpp"
#include "tests/program/server_process.hpp"
#include "tests/workload/crowd.hpp"

namespace pinhole::test {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::uint64_t disk_bytes = 256ULL << 20U;
constexpr unsigned writers = 4;
/// What the contract says, of one request and of coming back.
constexpr auto answer_time = std::chrono::seconds(1);
constexpr auto recovery_time = std::chrono::seconds(30);
/// Lines in the log about one full disk: the server's own, and RocksDB's.
constexpr std::size_t full_lines_max = 20;

/// The least there may be: the disk is small.
std::vector<std::string> with_small_reserve(const std::filesystem::path& data) {
    auto arguments = serve_arguments(data);
    arguments.insert(arguments.end(), {"--disk-reserve", "32MiB"});
    return arguments;
}

struct full_disk {
    explicit full_disk(disk_kind kind) : disk(kind, disk_bytes) {}

    small_disk disk;
    temporary_directory directory;
    std::filesystem::path data = disk.path() / "data";
    std::filesystem::path log = directory.path() / "log";
    std::optional<server_process> server;
    std::optional<crowd> people;

    void start() {
        server.emplace(with_small_reserve(data), log);
        const std::uint16_t port = server->wait_until_serving();
        if (people) {
            people->move_to(port);
        } else {
            people.emplace(port, writers);
            people->tolerate({503, 507});
        }
    }

    std::string shared_path() const { return "/api/v1/posts/" + people->shared_post(); }

    /// A write that leaves no row, so that it does not matter whether a refused one happened.
    http_response try_to_write() {
        return people->owner().patch("/api/v1/users/me", {{"bio", unique_name("room for ")}});
    }

    /// Needs room for the bytes, for the row, and for new ids.
    std::optional<json> try_to_post() {
        const auto answer = people->owner().upload(post_form("there is room"));
        return answer.status == 201 ? std::optional(parse(answer, 201)) : std::nullopt;
    }

    /// A small write may still fit behind the end of the log until the server looks for room again.
    void wait_until_refused() {
        BOOST_TEST(eventually([&] { return try_to_write().status == 507; }, recovery_time));
    }

    /// The quickest of a few: a machine that stands still is not the server's doing.
    void check_refused_at_once() {
        auto quickest = clock::duration::max();
        for (int i = 0; i < 5; ++i) {
            const auto begin = clock::now();
            check_problem(try_to_write(), 507);
            quickest = std::min(quickest, clock::now() - begin);
        }
        BOOST_TEST((quickest < answer_time));
    }

    void check_full() {
        api_client& owner = people->owner();
        wait_until_refused();
        check_refused_at_once();
        check_problem(owner.upload(post_form("no room")), 507);
        check_problem(owner.put(shared_path() + "/like"), 507);
        check_problem(owner.get("/readyz"), 503);
        check_status(owner.get("/healthz"), 200);
        const json post = owner.get_json(shared_path());
        const auto photo = owner.get(text(post.at("files").at(0), "url"));
        check_status(photo, 200);
        BOOST_TEST(photo.body.size() == post.at("files").at(0).at("size").get<std::size_t>());
        BOOST_TEST(!walk(owner, "/api/v1/users").empty());
    }

    void check_recovers() {
        disk.free();
        const auto begin = clock::now();
        std::optional<json> post;
        BOOST_TEST_REQUIRE(
            eventually([&] { return (post = try_to_post()).has_value(); }, recovery_time * 2));
        BOOST_TEST((clock::now() - begin < recovery_time));
        check_post(*post);
        check_status(people->owner().get("/readyz"), 200);
        people->expect_of(people->owner().id(), {*post});
    }

    /// What the crowd does until the disk is full and for a while after.
    void fill_while_writing() {
        crowd_signals signals;
        people->write(signals, [&] {
            BOOST_TEST(eventually([&] { return signals.acknowledged > 200; }));
            disk.fill();
            wait_until_refused();
            signals.enough = true;
        });
    }
};

void check_life_on_a_full_disk(disk_kind kind) {
    full_disk run(kind);
    run.start();
    for (int round = 0; round < 2; ++round) {
        BOOST_TEST_CONTEXT("round " << round) {
            run.fill_while_writing();
            run.check_full();
            run.check_recovers();
            run.people->verify(run.data);
        }
    }
    // At start: no byte free for the database that is there.
    BOOST_TEST(run.server->stop(SIGTERM).exit_status == 0);
    run.disk.fill();
    run.start();
    run.check_full();
    run.check_recovers();
    run.people->verify(run.data);
    // The same after a crash, with the last writes in the log alone.
    run.fill_while_writing();
    BOOST_TEST(run.server->stop(SIGKILL).signal == SIGKILL);
    run.disk.fill();
    run.start();
    run.check_full();
    run.check_recovers();
    run.people->verify(run.data);
    BOOST_TEST(run.server->stop(SIGTERM).exit_status == 0);
    BOOST_TEST(count_lines(run.log, "disk is full") + count_lines(run.log, "room") +
                   count_lines(run.log, "rocksdb:") <
               5 * full_lines_max);
    BOOST_TEST(count_lines(run.log, "Assertion") == 0U);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(disk_full, *boost::unit_test::precondition(can_mount))

BOOST_AUTO_TEST_CASE(ext4_refuses_writes_and_heals) {
    check_life_on_a_full_disk(disk_kind::ext4);
}

BOOST_AUTO_TEST_CASE(tmpfs_refuses_writes_and_heals) {
    check_life_on_a_full_disk(disk_kind::tmpfs);
}

BOOST_AUTO_TEST_CASE(an_upload_on_its_way_is_refused_and_leaves_nothing) {
    full_disk run(disk_kind::tmpfs);
    run.start();
    api_client& owner = run.people->owner();
    const auto form = post_form("cut off", 2);
    const std::string body = form.text();
    http_client& connection = owner.connection();
    connection.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                    owner.token() + "\r\nContent-Type: " + form.content_type() +
                    "\r\nContent-Length: " + std::to_string(body.size()) +
                    "\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST(connection.receive().status == 100U);
    connection.send(std::string_view(body).substr(0, body.size() / 2));
    run.disk.fill();
    connection.send_until_closed(std::string_view(body).substr(body.size() / 2));
    check_problem(connection.receive(), 507);
    run.check_full();
    run.check_recovers();
    run.people->verify(run.data);
    BOOST_TEST(run.server->stop(SIGTERM).exit_status == 0);
}

/// There is nothing to read yet, so there is nothing to stay up for: whoever supervises the server
/// starts it until there is room.
BOOST_AUTO_TEST_CASE(a_new_database_needs_room) {
    for (const disk_kind kind : {disk_kind::tmpfs, disk_kind::ext4}) {
        small_disk disk(kind, disk_bytes);
        const temporary_directory directory;
        const auto log = directory.path() / "log";
        std::filesystem::create_directory(disk.path() / "data");
        disk.fill();
        const auto arguments = with_small_reserve(disk.path() / "data");
        {
            server_process server(arguments, log);
            BOOST_TEST(server.wait().exit_status == 1);
        }
        const auto errors = error_lines(log);
        BOOST_TEST_REQUIRE(errors.size() == 1U);
        BOOST_TEST((errors.front().contains("No space left") || errors.front().contains("room")),
                   errors.front());
        disk.free();
        server_process server(arguments, log);
        sign_up(server.wait_until_serving());
        BOOST_TEST(server.stop(SIGTERM).exit_status == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(file_size_limits)

/// Without a handler SIGXFSZ ends the process; what is meant is that the write fails, and that is
/// final: the file can't grow, now or later.
BOOST_AUTO_TEST_CASE(a_file_size_limit_killed_the_server) {
    const temporary_directory directory;
    const auto data = directory.path() / "data";
    const auto log = directory.path() / "log";
    auto arguments = serve_arguments(data);
    arguments.insert(arguments.end(), {"--log-level", "warning"});
    std::optional<server_process> server;
    server.emplace(arguments, log,
                   launch_options{.wrapper = {"prlimit", "--fsize=300000"}, .environment = {}});
    crowd people(server->wait_until_serving(), 4);
    people.tolerate({503});
    crowd_signals signals;
    signals.may_break = true;
    people.write(signals, [&] {
        const process_end end = server->wait(std::chrono::seconds(60));
        BOOST_TEST(end.signal == 0);
        BOOST_TEST(end.exit_status == 1);
        signals.enough = true;
    });
    const auto errors = error_lines(log);
    BOOST_TEST(!errors.empty());
    BOOST_TEST(std::ranges::any_of(
        errors, [](const std::string& line) { return line.contains("File too large"); }));
    server.emplace(arguments, log);
    people.move_to(server->wait_until_serving());
    people.verify(data);
    BOOST_TEST(server->stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
