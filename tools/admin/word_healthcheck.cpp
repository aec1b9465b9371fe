// healthcheck: whether a running server takes requests and writes, asked as a client would.
//
// Over HTTP and not over the control socket: that one shows that the process lives, and not that it
// serves. It needs no data directory.
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/admin/http_get.hpp"
#include "tools/admin/words.hpp"

namespace pinhole::admin {

namespace {

constexpr unsigned status_ready = 200;

struct healthcheck_options {
    std::string listen = "127.0.0.1:8080";
    double timeout_s = 2;
};

/// Why it is not ready, in the server's own words.
std::string to_reason(const http_answer& answer) {
    const auto problem = nlohmann::json::parse(answer.body, nullptr, /*allow_exceptions=*/false);
    if (problem.is_object() && problem.contains("detail") && problem["detail"].is_string()) {
        return problem["detail"].get<std::string>();
    }
    return "it answers " + std::to_string(answer.status);
}

exit_code check_health(word_context& context, const healthcheck_options& options) {
    const auto listening = parse_endpoint(options.listen);
    if (!listening) {
        throw usage_error{"--listen (PINHOLE_LISTEN): " + listening.error()};
    }
    const endpoint server = to_reachable(*listening);
    const auto timeout = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::duration<double>(options.timeout_s));
    const http_answer answer = http_get(server, "/readyz", timeout, context.stop);
    if (answer.status != status_ready) {
        throw refusal{to_string(server) + " is not ready: " + to_reason(answer)};
    }
    context.out.result(context.out.is_json()
                           ? nlohmann::json{{"ready", true}, {"server", to_string(server)}}.dump() +
                                 '\n'
                           : to_string(server) + " is ready\n");
    return exit_code::done;
}

}  // namespace

void add_healthcheck(word_list& words) {
    const auto options = std::make_shared<healthcheck_options>();
    CLI::App& word = words.add(
        "healthcheck",
        "Asks a running server over HTTP whether it is ready: 0 if so, 1 if not, 3 if out of reach",
        [options](word_context& context) { return check_health(context, *options); });
    word.add_option("--listen", options->listen, "Where the server listens: ADDR:PORT or [V6]:PORT")
        ->envname("PINHOLE_LISTEN")
        ->type_name("ADDR:PORT")
        ->capture_default_str();
    word.add_option("--timeout", options->timeout_s, "How long it may take, in seconds")
        ->type_name("SECONDS")
        ->check(CLI::Range(0.001, 3600.0))
        ->capture_default_str();
}

}  // namespace pinhole::admin
