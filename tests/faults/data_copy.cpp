#include "tests/faults/data_copy.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>

#include "tests/api/entity_checks.hpp"
#include "tests/faults/faults.hpp"

namespace pinhole::test {

namespace {

constexpr int lives = 3;
constexpr int comments_per_life = 20;

json repeated_comment() {
    return {{"content", "said once"}};
}

header_list repeated_key(const json& post) {
    return {{"Idempotency-Key", "said-once-" + text(post, "id")}};
}

}  // namespace

data_copy::data_copy() {
    const auto log = directory_.path() / "filling";
    for (int life = 0; life < lives; ++life) {
        server_process server(serve_arguments(original_), log);
        const std::uint16_t port = server.wait_until_serving();
        if (life == 0) {
            clients_.reserve(2);
            clients_.push_back(sign_up(port, "author"));
            clients_.push_back(sign_up(port, "reader"));
        }
        for (api_client& client : clients_) {
            client.move_to(port);
        }
        fill();
        if (life == lives - 1) {
            note_answers();
        }
        BOOST_TEST(server.stop(SIGTERM).exit_status == 0);
    }
}

void data_copy::fill() {
    api_client& author = clients_.front();
    api_client& reader = clients_.back();
    post_ = create_post(author, "kept", 2);
    const json deleted = create_post(author, "deleted");
    create_like(reader, post_);
    for (int i = 0; i < comments_per_life; ++i) {
        create_comment(reader, post_, std::string(200, static_cast<char>('a' + i)));
    }
    check_status(author.remove(path_of_post(deleted)), 204);
    check_status(author.patch("/api/v1/users/me", {{"bio", "changed " + text(post_, "id")}}), 200);
    // The last write of all: what a log that ends too early lacks first.
    comment_ =
        author.post(path_of_post(post_) + "/comments", repeated_comment(), repeated_key(post_));
    check_status(comment_, 201);
}

void data_copy::note_answers() {
    std::vector<std::string> targets{
        "/api/v1/users?page_size=100", "/api/v1/users/me",
        "/api/v1/posts?page_size=100", "/api/v1/posts?author=me&is_deleted=true&page_size=100",
        "/api/v1/files?page_size=100", "/api/v1/comments?page_size=100",
        "/api/v1/likes?page_size=100"};
    for (const char* list : {"posts", "files", "comments", "likes"}) {
        const std::string path = "/api/v1/" + std::string(list);
        for (const json& row : walk(clients_.front(), path + "?page_size=100")) {
            targets.push_back(path + "/" + text(row, "id"));
            if (row.contains("url")) {
                targets.push_back(text(row, "url"));
            }
        }
    }
    for (std::size_t who = 0; who < clients_.size(); ++who) {
        for (const std::string& target : targets) {
            questions_.push_back({who, target, clients_[who].get(target)});
            BOOST_TEST_REQUIRE(questions_.back().answer.status == 200U, target);
        }
    }
}

const std::filesystem::path& data_copy::restore() {
    std::filesystem::remove_all(copy_);
    std::filesystem::copy(original_, copy_, std::filesystem::copy_options::recursive);
    std::filesystem::remove(log());
    return copy_;
}

walk_result data_copy::walk_all() {
    walk_result result;
    server_process server(serve_arguments(copy_), log());
    std::uint16_t port = 0;
    try {
        port = server.wait_until_serving();
        result.has_started = true;
    } catch (const std::runtime_error& failure) {
        BOOST_TEST_INFO(failure.what());  // why is in its log, and checked there
    }
    if (result.has_started) {
        try {
            ask_all(port, result);
        } catch (const http_failure& failure) {
            result.wrong.emplace_back(failure.what());
        }
        ::kill(server.pid(), SIGTERM);
    }
    const process_end end = server.wait();
    BOOST_TEST(end.signal == 0);
    result.exit_status = end.exit_status;
    if (end.exit_status == 1 && result.has_started) {
        // It ended in the middle: whoever asked afterwards got no answer.
        std::erase_if(result.wrong, [](const std::string& what) { return !what.contains(" -> "); });
    }
    result.errors = error_lines(log());
    return result;
}

void data_copy::ask_all(std::uint16_t port, walk_result& result) {
    for (api_client& client : clients_) {
        client.move_to(port);
    }
    for (const question& asked : questions_) {
        const auto answer = clients_[asked.who].get(asked.target);
        if (answer.status == 200 && answer.body == asked.answer.body) {
            ++result.right;
        } else if (answer.status == 500 || answer.status == 503) {
            ++result.refused;
            BOOST_TEST(!answer.header("Cache-Control").contains("immutable"));
        } else {
            result.wrong.push_back(asked.target + " -> " + std::to_string(answer.status) + " " +
                                   answer.body.substr(0, 200));
        }
    }
    repeat_comment(result);
}

/// The record of a request is data as well: forgotten, its repetition would write again.
void data_copy::repeat_comment(walk_result& result) {
    const auto answer = clients_.front().post(path_of_post(post_) + "/comments", repeated_comment(),
                                              repeated_key(post_));
    if (answer.status == 201 && answer.body == comment_.body) {
        ++result.right;
    } else if (answer.status == 500 || answer.status == 503) {
        ++result.refused;
    } else {
        result.wrong.push_back("the repeated comment -> " + std::to_string(answer.status) + " " +
                               answer.body);
    }
}

}  // namespace pinhole::test
