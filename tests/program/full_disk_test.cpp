// The program on a disk that has less room than its reserve: every write is refused with 507, and
// reading goes on.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <optional>

#include "tests/api/entity_checks.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

BOOST_AUTO_TEST_SUITE(full_disk)

BOOST_AUTO_TEST_CASE(writes_are_refused_and_reads_are_not) {
    const temporary_directory directory;
    const auto data = directory.path() / "data";
    const auto log = directory.path() / "log";
    auto arguments = serve_arguments(data);
    std::optional<server_process> server;
    server.emplace(arguments, log);
    std::uint16_t port = server->wait_until_serving();
    auto author = sign_up(port, "author");
    auto reader = sign_up(port, "reader");
    const json post = create_post(author);
    const json comment = create_comment(author, post);
    BOOST_TEST(server->stop(SIGTERM).exit_status == 0);

    auto short_of_room = arguments;
    short_of_room.insert(short_of_room.end(), {"--disk-reserve", "900000GiB"});
    server.emplace(short_of_room, log);
    port = server->wait_until_serving();
    author.move_to(port);
    reader.move_to(port);
    const std::string path = path_of_post(post);
    check_problem(reader.put(path + "/like"), 507);
    check_problem(reader.post(path + "/comments", {{"content", "no room"}}), 507);
    check_problem(author.patch(path, {{"content", "no room"}}), 507);
    check_problem(author.upload(post_form("no room")), 507);
    check_problem(author.remove(path), 507);
    check_problem(author.remove(path_of_comment(comment)), 507);
    check_problem(author.patch("/api/v1/users/me", {{"bio", "no room"}}), 507);
    check_problem(author.remove_with("/api/v1/users/me", {{"password", default_password}}), 507);
    check_problem(author.post("/api/v1/auth/signup",
                              {{"username", "newcomer"}, {"password", default_password}}),
                  507);
    check_problem(author.post("/api/v1/auth/login",
                              {{"username", author.username()}, {"password", default_password}}),
                  507);
    check_problem(author.get("/readyz"), 503);
    check_status(author.get("/healthz"), 200);

    BOOST_TEST(text(reader.get_json(path), "content") == text(post, "content"));
    check_status(reader.get(text(post.at("files").at(0), "url")), 200);
    BOOST_TEST(walk(reader, "/api/v1/comments").size() == 1U);
    BOOST_TEST(server->stop(SIGTERM).exit_status == 0);

    server.emplace(arguments, log);
    author.move_to(server->wait_until_serving());
    check_status(author.remove(path), 204);
    BOOST_TEST(server->stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
