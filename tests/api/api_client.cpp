#include "tests/api/api_client.hpp"

#include <barrier>
#include <boost/test/unit_test.hpp>
#include <exception>
#include <mutex>
#include <utility>

#include "tests/api/answer_log.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

std::string place(const where& from) {
    return std::string(from.file_name()) + ":" + std::to_string(from.line());
}

}  // namespace

std::string unique_name(std::string_view prefix) {
    static std::atomic<int> number = 0;
    return std::string(prefix) + std::to_string(++number);
}

std::string small_jpeg() {
    static std::atomic<std::uint32_t> seed = 0;
    return make_jpeg(16, 16, ++seed);
}

http_response api_client::request(std::string_view method, const std::string& target,
                                  header_list headers, std::string_view body) {
    if (!token_.empty()) {
        headers.emplace_back("Authorization", "Bearer " + token_);
    }
    http_response answer = connection_->request(method, target, headers, body);
    note_answer(method, target, answer);
    return answer;
}

http_response api_client::send_json(std::string_view method, const std::string& target,
                                    const std::string& text, header_list headers) {
    headers.emplace_back("Content-Type", "application/json");
    return request(method, target, std::move(headers), text);
}

http_response api_client::upload(const multipart_body& form, header_list headers) {
    headers.emplace_back("Content-Type", form.content_type());
    return request("POST", "/api/v1/posts", std::move(headers), form.text());
}

json api_client::get_json(const std::string& target, where from) {
    return parse(get(target), 200, from);
}

void api_client::adopt(const json& login) {
    id_ = login.at("user").at("id").get<std::string>();
    username_ = login.at("user").at("username").get<std::string>();
    token_ = login.at("token").get<std::string>();
}

void check_status(const http_response& answer, unsigned status, where from) {
    BOOST_TEST_CONTEXT(place(from) << ": " << answer.body.substr(0, 1000)) {
        BOOST_TEST_REQUIRE(answer.status == status);
    }
}

json parse(const http_response& answer, unsigned status, where from) {
    check_status(answer, status, from);
    BOOST_TEST_CONTEXT(place(from)) {
        BOOST_TEST_REQUIRE(answer.header("Content-Type") == "application/json");
    }
    return json::parse(answer.body);
}

json check_problem(const http_response& answer, unsigned status, const faults& expected,
                   where from) {
    check_status(answer, status, from);
    json problem;
    BOOST_TEST_CONTEXT(place(from) << ": " << answer.body.substr(0, 1000)) {
        BOOST_TEST_REQUIRE(answer.header("Content-Type") == "application/problem+json");
        BOOST_TEST(answer.header("Cache-Control") == "no-store");
        BOOST_TEST((answer.header("WWW-Authenticate") == "Bearer") == (status == 401));
        problem = json::parse(answer.body);
        BOOST_TEST_REQUIRE(problem.is_object());
        BOOST_TEST(problem.at("type").get<std::string>() == "about:blank");
        BOOST_TEST(problem.at("status").get<unsigned>() == status);
        BOOST_TEST(!problem.at("title").get<std::string>().empty());
        BOOST_TEST(!problem.at("detail").get<std::string>().empty());
        BOOST_TEST(problem.at("error") == problem.at("detail"));
        faults named;
        for (const json& fault : problem.at("errors")) {
            BOOST_TEST(fault.size() == 3U);
            BOOST_TEST(!fault.at("message").get<std::string>().empty());
            named.emplace(fault.at("field").get<std::string>(),
                          fault.at("code").get<std::string>());
        }
        BOOST_TEST(json(named).dump() == json(expected).dump());
    }
    return problem;
}

api_client sign_up(std::uint16_t port, std::string_view prefix) {
    api_client client(port);
    const std::string name = unique_name(prefix);
    const auto answer = client.post(
        "/api/v1/auth/signup",
        {{"username", name}, {"password", default_password}, {"name", "Name of " + name}});
    client.adopt(parse(answer, 201));
    return client;
}

multipart_body post_form(std::string_view content, int files) {
    multipart_body form;
    form.field("content", content);
    for (int i = 0; i < files; ++i) {
        form.file("files", "photo.jpg", "image/jpeg", small_jpeg());
    }
    return form;
}

json create_post(api_client& author, std::string_view content, int files) {
    return parse(author.upload(post_form(content, files)), 201);
}

json create_comment(api_client& author, const json& post, std::string_view content) {
    return parse(author.post(path_of_post(post) + "/comments", {{"content", content}}), 201);
}

json create_like(api_client& user, const json& post) {
    return parse(user.put(path_of_post(post) + "/like"), 201);
}

std::string text(const json& value, const char* member) {
    return value.at(member).get<std::string>();
}

std::string path_of_post(const json& post) {
    return "/api/v1/posts/" + text(post, "id");
}

std::string path_of_comment(const json& comment) {
    return "/api/v1/comments/" + text(comment, "id");
}

std::vector<json> walk(api_client& client, std::string url) {
    std::vector<json> rows;
    while (!url.empty()) {
        const json page = client.get_json(url);
        for (const json& row : page.at("results")) {
            rows.push_back(row);
        }
        url = page.at("next").is_null() ? std::string() : text(page, "next");
    }
    return rows;
}

std::vector<std::string> ids_of(const std::vector<json>& rows) {
    std::vector<std::string> ids;
    ids.reserve(rows.size());
    for (const json& row : rows) {
        ids.push_back(text(row, "id"));
    }
    return ids;
}

void run_parallel(unsigned threads, const std::function<void(unsigned)>& work) {
    std::barrier start(static_cast<std::ptrdiff_t>(threads));
    std::mutex mutex;
    std::exception_ptr failure;
    std::vector<std::jthread> running;
    running.reserve(threads);
    for (unsigned index = 0; index < threads; ++index) {
        running.emplace_back([&, index] {
            start.arrive_and_wait();
            try {
                work(index);
            } catch (...) {
                const std::lock_guard lock(mutex);
                failure = failure ? failure : std::current_exception();
            }
        });
    }
    running.clear();
    if (failure) {
        std::rethrow_exception(failure);
    }
}

}  // namespace pinhole::test
