#include "tests/hostile/attacked_server.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdlib>
#include <vector>

#include "tests/support/sanitizers.hpp"

namespace pinhole::test {

namespace {

constexpr auto time_max = std::chrono::seconds(10);

std::vector<std::string> arguments_in(const std::filesystem::path& data_dir) {
    auto arguments = serve_arguments(data_dir);
    // Its share of the memory is no body's.
    arguments.insert(arguments.end(), {"--block-cache", "16MiB"});
    return arguments;
}

void check_answer(const http_response& answer, std::chrono::steady_clock::duration taken) {
    if (costs_are_real) {
        BOOST_TEST((taken < time_max));
    }
    BOOST_TEST(answer.status < 500U, answer.body.substr(0, 1000));
    if (answer.status >= 400) {
        BOOST_TEST(answer.header("Content-Type") == "application/problem+json");
        const json problem = json::parse(answer.body, nullptr, false);
        BOOST_TEST_REQUIRE(problem.is_object());
        BOOST_TEST(problem.at("status") == answer.status);
    }
}

}  // namespace

attacked_server::attacked_server()
    : process_(arguments_in(directory_.path()), log_directory_.path() / "log"),
      port_(process_.wait_until_serving()),
      user_(port_) {
    const json login = parse(user_.post("/api/v1/auth/signup", {{"username", unique_name("user")},
                                                                {"password", default_password}}),
                             201);
    user_.adopt(login);
    comments_ = path_of_post(create_post(user_)) + "/comments";
    check_one_of(comment(R"({"content":"hello"})"), {201});
    idle_bytes_ = process_.resident_bytes();
}

http_response attacked_server::send(std::string_view method, const std::string& target,
                                    const std::string& content_type, std::string_view body) {
    return send_raw(std::string(method) + ' ' + target + " HTTP/1.1",
                    "Content-Type: " + content_type +
                        "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n",
                    body);
}

http_response attacked_server::send_raw(const std::string& request_line,
                                        const std::string& more_fields, std::string_view rest) {
    auto& connection = user_.connection();
    connection.reconnect();
    const auto begun = std::chrono::steady_clock::now();
    const std::string head = request_line + "\r\nHost: a\r\nAuthorization: Bearer " +
                             user_.token() + "\r\n" + more_fields + "\r\n";
    connection.send(head);
    // The server may answer before it has seen all, and need not read the rest.
    connection.send_until_closed(rest);
    const http_response answer = connection.receive();
    check_answer(answer, std::chrono::steady_clock::now() - begun);
    connection.reconnect();
    return answer;
}

http_response attacked_server::upload_file(std::string_view bytes, std::string_view name) {
    return upload(part("form-data; name=\"files\"; filename=\"" + std::string(name) + '"', bytes) +
                  std::string(last_boundary));
}

void attacked_server::check_survived(std::uint64_t bytes_beyond_idle_max) {
    // A test may have taken its time, and a connection that says nothing is closed before long.
    user_.connection().reconnect();
    const json health = user_.get_json("/readyz");
    BOOST_TEST(health.is_object());
    const std::uint64_t most = process_.resident_bytes_max();
    const std::uint64_t beyond = most - std::min(most, idle_bytes_);
    BOOST_TEST_MESSAGE(beyond / mib << " MiB beyond " << idle_bytes_ / mib << " MiB");
    if (costs_are_real) {
        BOOST_TEST(beyond <= bytes_beyond_idle_max);
    } else {
        BOOST_TEST_MESSAGE("memory not measured: a sanitizer multiplies it");
    }
}

std::string part(std::string_view disposition, std::string_view data, std::string_view more_lines) {
    std::string text = "--b\r\nContent-Disposition: ";
    text.append(disposition).append("\r\n").append(more_lines).append("\r\n");
    return text.append(data).append("\r\n");
}

std::string file_part(std::string_view data) {
    return part(R"(form-data; name="files"; filename="a.jpg")", data);
}

std::string repeated(std::string_view text, std::size_t times) {
    std::string all;
    all.reserve(text.size() * times);
    for (; times > 0; --times) {
        all += text;
    }
    return all;
}

void check_one_of(const http_response& answer, std::initializer_list<unsigned> statuses,
                  where from) {
    BOOST_TEST_CONTEXT(from.file_name()
                       << ":" << from.line() << ": " << answer.body.substr(0, 1000)) {
        BOOST_TEST((std::ranges::find(statuses, answer.status) != statuses.end()),
                   "the status is " << answer.status);
    }
}

std::uint64_t rounds(const char* variable, std::uint64_t usual) {
    const char* const said = std::getenv(variable);
    return said == nullptr ? usual : std::stoull(said);
}

}  // namespace pinhole::test
