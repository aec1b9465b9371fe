// The server program: started, stopped, started again; its exit statuses and its log.
#include <fcntl.h>
#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <sstream>

#include "tests/api/entity_checks.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/media_samples.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

struct data_directory {
    temporary_directory directory;
    std::filesystem::path data = directory.path() / "data";
    std::filesystem::path log = directory.path() / "log";

    std::string log_text() const { return read_file(log.string()); }
    bool log_says(const std::string& text) const { return log_text().contains(text); }
};

void check_stopped(const process_end& end) {
    BOOST_TEST(end.signal == 0);
    BOOST_TEST(end.exit_status == 0);
}

/// The head of an upload that the server has begun to wait for.
void begin_upload(http_client& slow, const api_client& user, const multipart_body& form) {
    slow.send("POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + user.token() +
              "\r\nContent-Type: " + form.content_type() + "\r\nContent-Length: " +
              std::to_string(form.text().size()) + "\r\nExpect: 100-continue\r\n\r\n");
    BOOST_TEST(slow.receive().status == 100U);
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(program, data_directory)

BOOST_AUTO_TEST_CASE(everything_is_as_it_was_after_a_stop_and_a_start) {
    server_process first(serve_arguments(data), log);
    const std::uint16_t port = first.wait_until_serving();
    auto kim = sign_up(port, "kim");
    auto lee = sign_up(port, "lee");
    const json post = create_post(kim, "kept", 2);
    const json gone = create_post(kim, "deleted");
    const json comment = create_comment(lee, post);
    const json like = create_like(lee, post);
    check_status(kim.remove(path_of_post(gone)), 204);
    check_status(kim.patch("/api/v1/users/me", {{"bio", "é"}}), 200);
    const std::vector<std::string> paths{"/api/v1/users",
                                         "/api/v1/users/me",
                                         "/api/v1/posts",
                                         "/api/v1/posts?author=me&is_deleted=true",
                                         path_of_post(post),
                                         path_of_post(gone),
                                         "/api/v1/files",
                                         "/api/v1/comments",
                                         path_of_comment(comment),
                                         "/api/v1/likes",
                                         "/api/v1/likes/" + text(like, "id"),
                                         text(post.at("files").at(0), "url"),
                                         text(gone.at("files").at(0), "url")};
    std::vector<http_response> before;
    before.reserve(paths.size());
    for (const std::string& path : paths) {
        before.push_back(kim.get(path));
    }
    check_stopped(first.stop(SIGTERM));

    server_process second(serve_arguments(data), log);
    kim.move_to(second.wait_until_serving());
    for (std::size_t i = 0; i < paths.size(); ++i) {
        BOOST_TEST_CONTEXT(paths[i]) {
            const auto after = kim.get(paths[i]);
            BOOST_TEST(after.status == before[i].status);
            BOOST_TEST((after.body == before[i].body));
            BOOST_TEST(after.header("ETag") == before[i].header("ETag"));
        }
    }
    check_status(kim.post(path_of_post(gone) + "/restore"), 200);
    check_stopped(second.stop(SIGINT));
}

BOOST_AUTO_TEST_CASE(a_request_in_flight_is_finished_before_the_exit) {
    server_process server(serve_arguments(data), log);
    const std::uint16_t port = server.wait_until_serving();
    auto user = sign_up(port);
    http_client slow(port);
    const auto form = post_form("just in time");
    begin_upload(slow, user, form);
    server.send_signal(SIGTERM);
    BOOST_TEST(eventually([&] { return log_says("stopping"); }));
    slow.send(form.text());
    const auto answer = slow.receive();
    check_post(parse(answer, 201));
    BOOST_TEST(answer.header("Connection") == "close");
    check_stopped(server.wait());
    server_process again(serve_arguments(data), log);
    user.move_to(again.wait_until_serving());
    BOOST_TEST(walk(user, "/api/v1/posts").size() == 1U);
}

/// Each chunk is a piece of its own to whoever reads the body, wherever the network cuts it.
BOOST_AUTO_TEST_CASE(an_upload_whose_end_comes_in_pieces_ended_the_process) {
    server_process server(serve_arguments(data), log);
    auto user = sign_up(server.wait_until_serving());
    multipart_body form;
    form.field("content", "a post needs a file");
    const std::string body = form.text() + "epilogue";
    const auto chunk = [](std::string_view bytes) {
        std::ostringstream text;
        text << std::hex << bytes.size() << "\r\n" << bytes << "\r\n";
        return text.str();
    };
    for (std::size_t split = 1; split < body.size(); ++split) {
        user.connection().send(
            "POST /api/v1/posts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + user.token() +
            "\r\nContent-Type: " + form.content_type() + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
            chunk(body.substr(0, split)) + chunk(body.substr(split)) + "0\r\n\r\n");
        BOOST_TEST_CONTEXT("split at " << split) {
            check_problem(user.connection().receive(), 422, {{"files", "required"}});
        }
    }
    check_stopped(server.stop(SIGTERM));
}

BOOST_AUTO_TEST_CASE(a_second_signal_ends_it_at_once) {
    server_process server(serve_arguments(data), log);
    const std::uint16_t port = server.wait_until_serving();
    auto user = sign_up(port);
    http_client slow(port);
    const auto form = post_form("never sent");
    begin_upload(slow, user, form);
    server.send_signal(SIGTERM);
    BOOST_TEST(eventually([&] { return log_says("stopping"); }));
    server.send_signal(SIGTERM);
    check_stopped(server.wait(std::chrono::seconds(15)));  // draining alone would take 30
    server_process again(serve_arguments(data), log);
    user.move_to(again.wait_until_serving());
    BOOST_TEST(walk(user, "/api/v1/posts").empty());
}

/// The key comes through a pipe that nobody writes into: the server stands in the middle of its
/// start for as long as this test likes.
BOOST_AUTO_TEST_CASE(signals_during_the_start_were_not_heard) {
    std::filesystem::create_directory(data);
    const auto key = data / "secret.key";
    BOOST_TEST_REQUIRE(::mkfifo(key.c_str(), 0600) == 0);
    server_process server(serve_arguments(data), log);
    unique_fd writer;
    // Opens once there is a reader.
    BOOST_TEST_REQUIRE(eventually([&] {
        writer.reset(::open(key.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        return static_cast<bool>(writer);
    }));
    check_stopped(server.stop(SIGTERM));
    BOOST_TEST(server.rest_of_output().empty());
    BOOST_TEST(log_says("stopped while starting"));
}

/// A second upload keeps the drain waiting until it is cut off for its slowness.
BOOST_AUTO_TEST_CASE(a_failure_of_storage_during_a_drain_was_noticed_late) {
    server_process server(serve_arguments(data), log);
    const std::uint16_t port = server.wait_until_serving();
    auto user = sign_up(port);
    multipart_body form;
    form.file("files", "photo.jpg", "image/jpeg", make_jpeg(64, 48, 1));
    http_client slow(port);
    begin_upload(slow, user, form);
    http_client slower(port);
    begin_upload(slower, user, form);
    server.send_signal(SIGTERM);
    BOOST_TEST(eventually([&] { return log_says("stopping"); }));
    // A file cannot be moved to where no folder is.
    std::filesystem::remove_all(data / "media" / "public");
    std::ofstream(data / "media" / "public") << "in the way";
    slow.send(form.text());
    BOOST_TEST(server.wait().exit_status == 1);
    BOOST_TEST(!log_says("\"status\":408"));  // the slower one was not waited for
}

BOOST_AUTO_TEST_CASE(the_log_is_json_and_holds_no_secret) {
    const std::string password = "Hush-hush-password";
    const std::string content = "private-content-of-a-comment";
    auto arguments = serve_arguments(data);
    arguments.insert(arguments.end(), {"--log-level", "debug"});
    server_process server(arguments, log);
    api_client user(server.wait_until_serving());
    const json body{{"username", "secretive"}, {"password", password}};
    user.adopt(
        parse(user.post("/api/v1/auth/signup", body, {{"Idempotency-Key", "key-to-signup"}}), 201));
    check_status(user.post("/api/v1/auth/login",
                           {{"username", "secretive"}, {"password", "Wrong-password"}}),
                 401);
    const json post = create_post(user);
    create_comment(user, post, content);
    user.get("/api/v1/posts?author=987654321&nonsense=query-value");
    user.get("/api/v1/posts?page_size=1&cursor=cursor-value");
    user.get("/api/v1/nowhere/path-value?token=query-value", {{"X-Request-Id", "traced-1"}});
    check_status(user.get("/healthz"), 200);
    check_stopped(server.stop(SIGTERM));

    const std::string written = log_text();
    for (const std::string& secret :
         {user.token(), user.token().substr(10, 20), password, std::string("Wrong-password"),
          content, std::string("key-to-signup"), std::string("987654321"),
          std::string("query-value"), std::string("cursor-value"), std::string("path-value")}) {
        BOOST_TEST(!written.contains(secret), secret);
    }
    std::istringstream lines(written);
    std::string line;
    int requests = 0;
    int by_user = 0;
    bool is_traced = false;
    while (std::getline(lines, line)) {
        BOOST_TEST_CONTEXT(line) {
            BOOST_TEST_REQUIRE(json::accept(line));
            const json entry = json::parse(line);
            BOOST_TEST(entry.contains("time"));
            BOOST_TEST(entry.contains("level"));
            if (entry.contains("status")) {
                ++requests;
                by_user += entry.contains("user_id") && entry.at("user_id") == user.id() ? 1 : 0;
                is_traced = is_traced || entry.at("request_id") == "traced-1";
                for (const char* member : {"request_id", "method", "route", "bytes"}) {
                    BOOST_TEST(entry.contains(member), member);
                }
            }
        }
    }
    BOOST_TEST(requests == 8);
    BOOST_TEST(by_user == 4);
    BOOST_TEST(is_traced);
}

BOOST_AUTO_TEST_CASE(usage_errors_exit_with_2_and_say_why) {
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"--no-such-flag"},
          std::vector<std::string>{"--listen", "nowhere"},
          std::vector<std::string>{"--json-bytes-max", "lots"},
          std::vector<std::string>{"--data-dir"}, std::vector<std::string>{"stray"}}) {
        BOOST_TEST_CONTEXT(arguments.front()) {
            std::filesystem::remove(log);
            server_process server(arguments, log);
            BOOST_TEST(server.wait().exit_status == 2);
            BOOST_TEST(server.rest_of_output().empty());
            BOOST_TEST(!log_text().empty());
        }
    }
    server_process help({"--help"}, log);
    BOOST_TEST(help.wait().exit_status == 0);
    BOOST_TEST(help.rest_of_output().contains("--data-dir"));
}

BOOST_AUTO_TEST_CASE(a_data_directory_has_one_server) {
    server_process first(serve_arguments(data), log);
    api_client client(first.wait_until_serving());
    const auto second_log = directory.path() / "second log";
    server_process second(serve_arguments(data), second_log);
    BOOST_TEST(second.wait().exit_status == 1);
    BOOST_TEST(second.rest_of_output().empty());
    const std::string why = read_file(second_log.string());
    BOOST_TEST(
        (why.contains("another process") || why.contains("in use") || why.contains("already")),
        why);
    check_status(client.get("/readyz"), 200);
    check_stopped(first.stop(SIGTERM));
}

BOOST_AUTO_TEST_CASE(an_address_that_is_taken_is_an_error) {
    server_process first(serve_arguments(data), log);
    const std::uint16_t port = first.wait_until_serving();
    const auto second_log = directory.path() / "second log";
    server_process second({"--data-dir", (directory.path() / "other").string(), "--listen",
                           "127.0.0.1:" + std::to_string(port)},
                          second_log);
    BOOST_TEST(second.wait().exit_status == 1);
    BOOST_TEST(!read_file(second_log.string()).empty());
}

BOOST_AUTO_TEST_CASE(the_servers_key_is_kept_where_only_its_owner_reads_it) {
    server_process server(serve_arguments(data), log);
    server.wait_until_serving();
    struct stat status{};
    BOOST_TEST_REQUIRE(::stat((data / "secret.key").c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 0777U) == 0600U);
    check_stopped(server.stop(SIGTERM));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
