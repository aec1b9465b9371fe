// seed: the data is sound, its pictures can be seen, and a seed gives the same again.
#include <csignal>

#include "storage/check.hpp"
#include "storage/kv/store.hpp"
#include "tests/admin/admin_fixture.hpp"
#include "tests/storage/storage_fixture.hpp"

namespace pinhole::test {

namespace {

const std::vector<std::string> some{"seed", "--users", "12",        "--posts",
                                    "25",   "--until", "2026-11-01"};

/// Without what differs each time: where the files lie.
json without_urls(json list) {
    for (json& each : list["results"]) {
        each.erase("url");
        if (each.contains("files")) {
            for (json& file : each["files"]) {
                file.erase("url");
            }
        }
    }
    return list;
}

json everything(const admin_fixture& from) {
    json all;
    for (const std::string list : {"users", "posts", "files", "comments", "likes"}) {
        all[list] = without_urls(from.must_json({"query", list + "?page_size=100", "--all"}));
    }
    return all;
}

void check_sound(const std::filesystem::path& data) {
    const auto store = storage::test::open_store(data);
    const auto report = storage::check_rows(*store->snapshot(kv::read_mode::blocking));
    BOOST_TEST(report.problems == 0U);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(seeding, admin_fixture)

BOOST_AUTO_TEST_CASE(a_seed_gives_the_same_rows_again) {
    const json told = must_json(some);
    BOOST_TEST(told["users"] == 12);
    BOOST_TEST(told["posts"] == 25);
    BOOST_TEST(told["files"].get<int>() >= 25);
    BOOST_TEST(told["likes"].get<int>() > 0);
    check_sound(data);
    admin_fixture other;
    BOOST_TEST(other.must_json(some) == told);
    BOOST_TEST(everything(other) == everything(*this));
    admin_fixture another;
    auto differently = some;
    differently.insert(differently.end(), {"--seed", "2"});
    another.must(differently);
    BOOST_TEST(everything(another) != everything(*this));
}

BOOST_AUTO_TEST_CASE(its_people_log_in_and_its_pictures_are_seen) {
    const std::string password = text(must_json(some), "password");
    start();
    api_client client(port);
    const json users = must_json({"query", "users?ordering=-post_count"});
    const std::string username = text(users["results"][0], "username");
    client.adopt(parse(
        client.post("/api/v1/auth/login", json{{"username", username}, {"password", password}})));
    const auto posts = walk(client, "/api/v1/posts?page_size=100");
    BOOST_TEST(posts.size() == 25U);
    for (const json& post : posts) {
        for (const json& file : post["files"]) {
            const auto picture = client.get(text(file, "url"));
            BOOST_TEST(picture.status == 200U);
            BOOST_TEST(picture.body.size() == file["size"].get<std::size_t>());
            BOOST_TEST(picture.body.starts_with("\xFF\xD8\xFF"));
        }
    }
}

BOOST_AUTO_TEST_CASE(rows_that_are_there_are_respected) {
    start();
    auto kim = sign_up(port, "kim");
    create_post(kim, "mine");
    check_end(some, 1, "--force");
    stop();
    check_end(some, 1, "--force");
    BOOST_TEST(must_json({"query", "posts?count=true"})["count"] == 1);
    auto forced = some;
    forced.emplace_back("--force");
    must(forced);
    BOOST_TEST(must_json({"query", "posts?count=true"})["count"] == 26);
    check_sound(data);
    // The same once more would be the same rows.
    check_end(forced, 1, "--seed");
    forced.insert(forced.end(), {"--seed", "9"});
    start();
    must(forced);  // and beside a server
    BOOST_TEST(must_json({"query", "posts?count=true"})["count"] == 51);
    kim.move_to(port);
    const auto posts = walk(kim, "/api/v1/posts?page_size=100");
    BOOST_TEST(kim.get(text(posts.front()["files"][0], "url")).status == 200U);
    stop();
    check_sound(data);
}

BOOST_AUTO_TEST_CASE(wrong_sizes_are_refused) {
    check_end({"seed", "--users", "0", "--posts", "1"}, 2, "--users");
    check_end({"seed", "--users", "1"}, 2, "--posts");
    check_end({"seed", "--users", "1", "--posts", "1", "--until", "2026-02-30"}, 2, "--until");
    check_end({"seed", "--users", "1", "--posts", "1", "--until", "soon"}, 2, "--until");
    BOOST_TEST(!std::filesystem::exists(data));
}

BOOST_AUTO_TEST_CASE(interrupted_it_leaves_nothing_half_done) {
    admin_process running(on(data, {"--json", "seed", "--users", "1000", "--posts", "100000"}));
    BOOST_REQUIRE(running.wait_until_it_says("\"progress\""));
    running.send_signal(SIGINT);
    const admin_end end = running.wait();
    BOOST_TEST(end.exit_status == 130);
    BOOST_TEST(end.out.empty());
    BOOST_TEST(end.err.contains("{\"error\":\"interrupted\"}"));
    check_sound(data);
    const json found = must_json({"stats"});
    BOOST_TEST(found["media"]["incoming"]["files"] == 0);
    BOOST_TEST(found["media"]["public"]["files"] == found["rows"]["files"]["alive"]);
}

BOOST_AUTO_TEST_CASE(killed_it_leaves_nothing_half_done) {
    admin_process running(on(data, {"--json", "seed", "--users", "1000", "--posts", "100000"}));
    BOOST_REQUIRE(running.wait_until_it_says("\"progress\""));
    running.send_signal(SIGKILL);
    BOOST_TEST(running.wait().signal == SIGKILL);
    must({"stats"});  // which opens, and so sweeps
    check_sound(data);
    const json found = must_json({"stats"});
    BOOST_TEST(found["media"]["incoming"]["files"] == 0);
    BOOST_TEST(found["media"]["public"]["files"] == found["rows"]["files"]["alive"]);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
