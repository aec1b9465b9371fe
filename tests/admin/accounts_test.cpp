// create-user, set-password and grant-staff, with a server and without.
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/admin/admin_fixture.hpp"

namespace pinhole::test {

namespace {

constexpr std::string_view good_password = "a good password\n";

/// Reads the terminal until it holds the text, or nothing more comes for a minute.
std::string read_until(int terminal, std::string_view text) {
    constexpr int patience_ms = 60'000;
    std::string said;
    std::array<char, 256> buffer{};
    pollfd readable{.fd = terminal, .events = POLLIN, .revents = 0};
    while (!said.contains(text) && ::poll(&readable, 1, patience_ms) == 1) {
        const auto bytes = ::read(terminal, buffer.data(), buffer.size());
        if (bytes <= 0) {
            break;
        }
        said.append(buffer.data(), static_cast<std::size_t>(bytes));
    }
    return said;
}

void type(int terminal, std::string_view text) {
    BOOST_REQUIRE(::write(terminal, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
}

struct terminal_session {
    terminal_session(const std::filesystem::path& data, const std::string& username) {
        const std::string program = admin_program().string();
        const std::string folder = data.string();
        pid = ::forkpty(&terminal, nullptr, nullptr, nullptr);
        if (pid == 0) {
            ::execl(program.c_str(), program.c_str(), "--data-dir", folder.c_str(), "create-user",
                    username.c_str(), nullptr);
            ::_exit(127);
        }
    }
    ~terminal_session() { ::close(terminal); }
    int wait() const {
        int status = 0;
        ::waitpid(pid, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    int terminal = -1;
    pid_t pid = -1;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(accounts, admin_fixture)

BOOST_AUTO_TEST_CASE(a_user_made_without_a_server_can_log_in) {
    make_empty();
    const json made =
        must_json({"create-user", "Kim", "--name", "Kim 김", "--password-stdin"}, good_password);
    BOOST_TEST(text(made, "username") == "kim");
    BOOST_TEST(text(made, "name") == "Kim 김");
    BOOST_TEST(!made.contains("password"));
    start();
    api_client client(port);
    BOOST_TEST(try_login(client, "kim", "a good password") == 200U);
    BOOST_TEST(try_login(client, "kim", "a good password\n") == 401U);
}

BOOST_AUTO_TEST_CASE(a_user_made_beside_a_server_can_log_in_at_once) {
    start();
    // A line may end as in Windows.
    const std::string said =
        must({"create-user", "@lee", "--password-stdin"}, "a good password\r\n");
    BOOST_TEST(said.starts_with("created: User "));
    BOOST_TEST(said.contains(" @lee · 0 posts"));
    api_client client(port);
    BOOST_TEST(try_login(client, "lee", "a good password") == 200U);
    // The name is taken, for the API as well.
    BOOST_TEST(client
                   .post("/api/v1/auth/signup",
                         json{{"username", "lee"}, {"password", "another password"}})
                   .status == 409U);
}

BOOST_AUTO_TEST_CASE(what_a_signup_refuses_is_refused) {
    for (const bool is_served : {true, false}) {
        BOOST_TEST_INFO_SCOPE("served: " << is_served);
        start();
        if (is_served) {
            must({"create-user", "kim", "--password-stdin"}, good_password);
        } else {
            stop();
        }
        check_end({"create-user", "KIM", "--password-stdin"}, 1, "taken", good_password);
        check_end({"create-user", "no spaces", "--password-stdin"}, 1, "username", good_password);
        check_end({"create-user", std::string(31, 'x'), "--password-stdin"}, 1, "username",
                  good_password);
        check_end({"create-user", "lee", "--name", std::string(65, 'x'), "--password-stdin"}, 1,
                  "name", good_password);
        check_end({"create-user", "lee", "--password-stdin"}, 1, "password", "short\n");
        check_end({"create-user", "lee", "--password-stdin"}, 1, "password", "");
        check_end({"create-user", "lee", "--password-stdin"}, 1, "password",
                  std::string(100'000, 'x'));
        check_end({"create-user", "lee"}, 2, "--password-stdin");
        check_end({"set-password", "lee", "--password-stdin"}, 1, "lee", good_password);
        check_end({"grant-staff", "lee"}, 1, "user");
        server.reset();
    }
}

BOOST_AUTO_TEST_CASE(a_terminal_is_asked_twice_and_shows_nothing) {
    make_empty();
    {
        const terminal_session session(data, "kim");
        std::string said = read_until(session.terminal, "Password: ");
        type(session.terminal, good_password);
        said += read_until(session.terminal, "again: ");
        type(session.terminal, good_password);
        said += read_until(session.terminal, "created: ");
        BOOST_TEST(session.wait() == 0);
        BOOST_TEST(!said.contains("a good password"));
    }
    {
        const terminal_session session(data, "lee");
        read_until(session.terminal, "Password: ");
        type(session.terminal, good_password);
        read_until(session.terminal, "again: ");
        type(session.terminal, "another password\n");
        BOOST_TEST(read_until(session.terminal, "differ").contains("differ"));
        BOOST_TEST(session.wait() == 1);
    }
    {
        const terminal_session session(data, "lee");
        read_until(session.terminal, "Password: ");
        ::kill(session.pid, SIGINT);
        BOOST_TEST(session.wait() == 130);
    }
    start();
    api_client client(port);
    BOOST_TEST(try_login(client, "kim", "a good password") == 200U);
    BOOST_TEST(try_login(client, "lee", "a good password") == 401U);
}

/// The server remembers who is behind a token: it must forget before the tool says that it is done.
BOOST_AUTO_TEST_CASE(a_new_password_ends_every_login_at_once) {
    start();
    auto kim = sign_up(port, "kim");
    const std::string username = kim.username();
    for (int round = 0; round < 5; ++round) {
        BOOST_TEST(kim.get("/api/v1/users/me").status == 200U);
        const std::string password = "password number " + std::to_string(round);
        must({"set-password", username, "--password-stdin"}, password + '\n');
        BOOST_TEST(kim.get("/api/v1/users/me").status == 401U);
        const auto login =
            kim.post("/api/v1/auth/login", json{{"username", username}, {"password", password}});
        kim.adopt(parse(login));
    }
    api_client other(port);
    BOOST_TEST(try_login(other, username, default_password) == 401U);
}

BOOST_AUTO_TEST_CASE(a_new_password_without_a_server_ends_every_login) {
    start();
    auto kim = sign_up(port, "kim");
    stop();
    must({"set-password", kim.username(), "--password-stdin"}, good_password);
    start();
    kim.move_to(port);
    BOOST_TEST(kim.get("/api/v1/users/me").status == 401U);
    kim.become_nobody();
    BOOST_TEST(try_login(kim, kim.username(), "a good password") == 200U);
}

BOOST_AUTO_TEST_CASE(staff_see_what_is_deleted_and_others_do_not) {
    start();
    auto kim = sign_up(port, "kim");
    const std::string url = "/api/v1/posts?include_deleted=true";
    BOOST_TEST(kim.get(url).status == 403U);
    const json granted = must_json({"grant-staff", kim.username()});
    BOOST_TEST(text(granted, "username") == kim.username());
    BOOST_TEST(kim.get(url).status == 200U);
    must({"grant-staff", kim.username()});  // again: nothing changes
    BOOST_TEST(kim.get(url).status == 200U);
    must({"grant-staff", kim.username(), "--revoke"});
    BOOST_TEST(kim.get(url).status == 403U);
    must({"create-user", "boss", "--staff", "--password-stdin"}, good_password);
    api_client boss(port);
    boss.adopt(parse(boss.post("/api/v1/auth/login",
                               json{{"username", "boss"}, {"password", "a good password"}})));
    BOOST_TEST(boss.get(url).status == 200U);
}

/// The server's key may lie in its environment alone: a tool must not make another one.
BOOST_AUTO_TEST_CASE(no_key_is_made_where_the_server_has_its_own) {
    server = std::make_unique<server_process>(
        serve_arguments(data), log,
        launch_options{.wrapper = {},
                       .environment = {"PINHOLE_SECRET_KEY=" + std::string(32, 'k')}});
    server->wait_until_serving();
    stop();
    BOOST_REQUIRE(!std::filesystem::exists(data / "secret.key"));
    must({"create-user", "kim", "--password-stdin"}, good_password);
    BOOST_TEST(!std::filesystem::exists(data / "secret.key"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
