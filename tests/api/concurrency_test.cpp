// Many clients at once: what is unique stays unique, and counters agree with rows.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <mutex>
#include <random>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

constexpr unsigned crowd = 64;

/// How often each status came.
class tally {
public:
    void add(unsigned status) {
        const std::lock_guard lock(mutex_);
        ++counts_[status];
    }
    std::map<unsigned, int> counts() const { return counts_; }

private:
    std::mutex mutex_;
    std::map<unsigned, int> counts_;
};

/// One of several users who do things at random to the same posts.
class random_user {
public:
    random_user(const api_server& server, const std::vector<std::string>& posts, unsigned seed)
        : client_(server.sign_up("random")), posts_(posts), random_(seed) {}

    api_client& client() { return client_; }
    /// What is wrong with an answer that came, empty if nothing was.
    const std::string& surprise() const { return surprise_; }
    const std::string& own() const { return own_; }
    void set_own(std::string post) { own_ = std::move(post); }

    void act() {
        const std::string post = "/api/v1/posts/" + posts_[random_() % posts_.size()];
        switch (random_() % 16) {
            case 0:
            case 1:
            case 2:
            case 3:
                return expect(client_.put(post + "/like"), {200, 201, 404});
            case 4:
            case 5:
            case 6:
                return expect(client_.remove(post + "/like"), {204, 404});
            case 7:
            case 8:
            case 9:
                return comment_on(post);
            case 10:
            case 11:
                return delete_a_comment();
            case 12:
                return expect(client_.remove("/api/v1/posts/" + own_), {204, 404});
            case 13:
            case 14:
                return expect(client_.post("/api/v1/posts/" + own_ + "/restore"), {200});
            default:
                return leave_and_return();
        }
    }

    void leave() {
        expect(client_.remove_with("/api/v1/users/me", {{"password", default_password}}), {204});
    }
    void come_back() {
        const auto answer = client_.post("/api/v1/auth/restore", {{"username", client_.username()},
                                                                  {"password", default_password}});
        expect(answer, {200});
        if (answer.status == 200) {
            client_.adopt(json::parse(answer.body));
        }
    }

private:
    void comment_on(const std::string& post) {
        const auto answer = client_.post(post + "/comments", {{"content", "hi"}});
        expect(answer, {201, 404});
        if (answer.status == 201) {
            comments_.push_back(text(json::parse(answer.body), "id"));
        }
    }

    void delete_a_comment() {
        if (!comments_.empty()) {
            expect(client_.remove("/api/v1/comments/" + comments_.back()), {204, 404});
            comments_.pop_back();
        }
    }

    void leave_and_return() {
        if (random_() % 4 == 0) {
            leave();
            come_back();
        }
    }

    void expect(const http_response& answer, std::initializer_list<unsigned> allowed) {
        if (std::ranges::find(allowed, answer.status) == allowed.end()) {
            surprise_ += std::to_string(answer.status) + ": " + answer.body + "\n";
        }
    }

    api_client client_;
    const std::vector<std::string>& posts_;
    std::minstd_rand random_;
    std::string own_;
    std::vector<std::string> comments_;
    std::string surprise_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(concurrency)

BOOST_AUTO_TEST_CASE(one_of_64_signups_of_one_username_wins) {
    // A burst of hashes must not be turned away here, or there is nothing to race.
    auto options = without_rate_limits();
    options.hash_queue_max = 2 * crowd;
    api_server server(options);
    tally statuses;
    run_parallel(crowd, [&](unsigned index) {
        auto client = server.connect();
        statuses.add(client
                         .post("/api/v1/auth/signup", {{"username", "wanted"},
                                                       {"password", default_password},
                                                       {"name", std::to_string(index)}})
                         .status);
    });
    const std::map<unsigned, int> expected{{201, 1}, {409, crowd - 1}};
    BOOST_TEST(json(statuses.counts()).dump() == json(expected).dump());
    auto client = server.sign_up();
    BOOST_TEST(walk(client, "/api/v1/users").size() == 2U);
    check_user(client.get_json("/api/v1/users/@wanted"));
}

BOOST_AUTO_TEST_CASE(of_64_likes_by_one_user_one_counts) {
    auto& server = shared_server();
    auto user = server.sign_up();
    const json post = create_post(user);
    const auto like_from_many_threads = [&] {
        tally statuses;
        run_parallel(crowd, [&](unsigned) {
            auto client = server.connect();
            client.set_token(user.token());
            statuses.add(client.put(path_of_post(post) + "/like").status);
        });
        const std::map<unsigned, int> expected{{200, crowd - 1}, {201, 1}};
        BOOST_TEST(json(statuses.counts()).dump() == json(expected).dump());
    };
    like_from_many_threads();
    BOOST_TEST(user.get_json(path_of_post(post)).at("like_count") == 1);
    BOOST_TEST(walk(user, "/api/v1/likes?post=" + text(post, "id")).size() == 1U);

    run_parallel(crowd, [&](unsigned) {
        auto client = server.connect();
        client.set_token(user.token());
        client.remove(path_of_post(post) + "/like");
    });
    BOOST_TEST(user.get_json(path_of_post(post)).at("like_count") == 0);
    like_from_many_threads();
    BOOST_TEST(user.get_json(path_of_post(post)).at("like_count") == 1);
}

BOOST_AUTO_TEST_CASE(of_parallel_deletes_of_one_post_one_counts) {
    auto& server = shared_server();
    auto author = server.sign_up();
    const json kept = create_post(author);
    const json post = create_post(author);
    tally statuses;
    run_parallel(16, [&](unsigned) {
        auto client = server.connect();
        client.set_token(author.token());
        statuses.add(client.remove(path_of_post(post)).status);
    });
    BOOST_TEST(statuses.counts()[204] == 1);
    BOOST_TEST(statuses.counts()[404] == 15);
    BOOST_TEST(author.get_json("/api/v1/users/me").at("post_count") == 1);
    run_parallel(16, [&](unsigned) {
        auto client = server.connect();
        client.set_token(author.token());
        client.post(path_of_post(post) + "/restore");
    });
    BOOST_TEST(author.get_json("/api/v1/users/me").at("post_count") == 2);
    check_status(author.get(text(post.at("files").at(0), "url")), 200);
}

BOOST_AUTO_TEST_CASE(media_lie_where_the_last_of_racing_deletes_and_restores_says) {
    api_server server;
    auto author = server.sign_up();
    const json post = create_post(author, "", 3);
    tally statuses;
    run_parallel(8, [&](unsigned index) {
        auto client = server.connect();
        client.set_token(author.token());
        for (unsigned i = 0; i < 12; ++i) {
            statuses.add((index + i) % 2 == 0
                             ? client.remove(path_of_post(post)).status
                             : client.post(path_of_post(post) + "/restore").status);
        }
    });
    for (const auto& [status, times] : statuses.counts()) {
        BOOST_TEST((status == 200 || status == 204 || status == 404), status << " " << times);
    }
    check_status(author.post(path_of_post(post) + "/restore"), 200);
    BOOST_TEST(server.media_files("public").size() == 3U);
    for (const json& file : post.at("files")) {
        check_status(author.get(text(file, "url")), 200);
    }
    check_status(author.remove(path_of_post(post)), 204);
    BOOST_TEST(server.media_files("public").empty());
    BOOST_TEST(author.get_json("/api/v1/users/me").at("post_count") == 0);
}

BOOST_AUTO_TEST_CASE(counters_equal_rows_after_16_threads_did_anything_at_random) {
    constexpr unsigned threads = 16;
    constexpr int actions = 80;
    auto options = without_rate_limits();
    options.hash_queue_max = 2 * threads;
    api_server server(options);
    auto viewer = server.sign_up("viewer");
    std::vector<std::string> posts;
    std::vector<random_user> users;
    users.reserve(threads);
    for (unsigned i = 0; i < threads; ++i) {
        users.emplace_back(server, posts, i + 1);
    }
    for (auto& user : users) {
        posts.push_back(text(create_post(user.client()), "id"));
        user.set_own(posts.back());
    }
    posts.resize(4);  // busy ones; the others' own are only deleted and restored

    std::atomic<unsigned> working = threads;
    std::int64_t highest = 0;
    std::int64_t lowest = 0;
    run_parallel(threads + 1, [&](unsigned index) {
        if (index < threads) {
            const std::unique_ptr<std::atomic<unsigned>, decltype([](auto* left) { --*left; })>
                leaves{&working};  // however it ends, or the watcher would watch for ever
            for (int i = 0; i < actions; ++i) {
                users[index].act();
            }
            return;
        }
        auto watcher = server.connect();
        watcher.set_token(viewer.token());
        while (working > 0) {
            const auto answer = watcher.get("/api/v1/posts?page_size=100");
            for (const json& post : json::parse(answer.body).at("results")) {
                highest = std::max(highest, post.at("like_count").get<std::int64_t>());
                lowest = std::min(lowest, post.at("comment_count").get<std::int64_t>());
            }
            for (const json& user : watcher.get_json("/api/v1/users").at("results")) {
                lowest = std::min(lowest, user.at("post_count").get<std::int64_t>());
            }
        }
    });
    for (const auto& user : users) {
        BOOST_TEST(user.surprise() == "");
    }
    // A like_count below zero would show as one near 2^32.
    BOOST_TEST(highest <= threads);
    BOOST_TEST(lowest == 0);
    check_settled(viewer);

    // With some accounts gone, and with all of them and their posts back.
    for (unsigned i = 0; i < threads; i += 3) {
        users[i].leave();
    }
    check_settled(viewer);
    for (unsigned i = 0; i < threads; i += 3) {
        users[i].come_back();
    }
    for (auto& user : users) {
        BOOST_TEST(user.surprise() == "");
    }
    for (auto& user : users) {
        check_status(user.client().post("/api/v1/posts/" + user.own() + "/restore"), 200);
    }
    BOOST_TEST(walk(viewer, "/api/v1/posts").size() == threads);
    check_settled(viewer);
    server.restart();
    viewer.move_to(server.port());
    BOOST_TEST(find_wrong_count(viewer) == "");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
