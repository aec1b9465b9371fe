// A deleted account takes everything of it from every read at once; restored, it brings all back.
#include <boost/test/unit_test.hpp>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

/// Two users who posted, and commented on and liked each other's posts.
struct two_friends {
    api_server& server = shared_server();
    api_client leaver = server.sign_up("leaver");
    api_client other = server.sign_up("friend");
    json own_post = create_post(leaver, "leaver's");
    json other_post = create_post(other, "friend's");
    json friends_comment = create_comment(other, own_post);
    json own_comment = create_comment(leaver, other_post);
    json dead_comment = create_comment(leaver, other_post);
    json own_like = create_like(leaver, other_post);
    json friends_like = create_like(other, own_post);

    two_friends() { check_status(leaver.remove(path_of_comment(dead_comment)), 204); }

    void leave() {
        check_status(leaver.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    }
    http_response come_back(std::string_view password = default_password) {
        return leaver.post("/api/v1/auth/restore",
                           {{"username", leaver.username()}, {"password", password}});
    }

    std::vector<std::string> single_paths() const {
        return {"/api/v1/users/" + leaver.id(),
                "/api/v1/users/@" + leaver.username(),
                path_of_post(own_post),
                "/api/v1/files/" + text(own_post.at("files").at(0), "id"),
                text(own_post.at("files").at(0), "url"),
                path_of_comment(own_comment),
                path_of_comment(friends_comment),
                "/api/v1/likes/" + text(own_like, "id"),
                "/api/v1/likes/" + text(friends_like, "id")};
    }

    /// How many rows of the leaver, or under the leaver's post, all lists show together.
    std::size_t listed() {
        std::size_t found = 0;
        const auto is_theirs = [&](const json& row) {
            const json owner = row.contains("author") ? row.at("author") : row.value("user", row);
            return text(owner, "id") == leaver.id() ||
                   row.value("post", std::string()) == text(own_post, "id");
        };
        for (const std::string& path :
             {std::string("/api/v1/users"), std::string("/api/v1/posts"),
              "/api/v1/posts?author=" + leaver.id(), std::string("/api/v1/files"),
              "/api/v1/files?post=" + text(own_post, "id"), std::string("/api/v1/comments"),
              "/api/v1/comments?author=" + leaver.id(), "/api/v1/comments?author=" + other.id(),
              "/api/v1/comments?post=" + text(own_post, "id"),
              "/api/v1/comments?post=" + text(other_post, "id"), std::string("/api/v1/likes"),
              "/api/v1/likes?user=" + leaver.id(), "/api/v1/likes?user=" + other.id(),
              "/api/v1/likes?post=" + text(other_post, "id")}) {
            const auto rows = walk(other, path);
            found += static_cast<std::size_t>(std::ranges::count_if(rows, is_theirs));
        }
        return found;
    }

    bool has_counts(int likes, int comments) {
        const json post = other.get_json(path_of_post(other_post));
        return post.at("like_count") == likes && post.at("comment_count") == comments;
    }

    std::string media_name() const {
        const std::string url = text(own_post.at("files").at(0), "url");
        return url.substr(url.rfind('/') + 1);
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(account_visibility, two_friends)

BOOST_AUTO_TEST_CASE(a_deleted_account_vanishes_everywhere_at_once_and_comes_back_as_it_was) {
    std::map<std::string, json> before;
    for (const std::string& path : single_paths()) {
        const auto answer = other.get(path);
        check_status(answer, 200);
        before[path] = answer.header("Content-Type") == "application/json"
                           ? json::parse(answer.body)
                           : json::binary({answer.body.begin(), answer.body.end()});
    }
    const std::size_t rows = listed();
    BOOST_TEST(rows == 16U);
    BOOST_TEST(has_counts(1, 1));

    leave();
    for (const std::string& path : single_paths()) {
        BOOST_TEST_CONTEXT(path) {
            check_problem(other.get(path), 404);
        }
    }
    BOOST_TEST(other.get("/api/v1/users/" + leaver.id()).body ==
               other.get("/api/v1/users/4611686018427387904").body);
    BOOST_TEST(listed() == 0U);
    BOOST_TEST(!server.media_files("public").contains(media_name()));
    BOOST_TEST(eventually([&] { return has_counts(0, 0); }));

    leaver.adopt(parse(come_back()));
    BOOST_TEST(server.media_files("public").contains(media_name()));
    BOOST_TEST(listed() == rows);
    for (const auto& [path, entity] : before) {
        BOOST_TEST_CONTEXT(path) {
            const auto answer = other.get(path);
            check_status(answer, 200);
            if (entity.is_binary()) {
                BOOST_TEST((answer.body ==
                            std::string(entity.get_binary().begin(), entity.get_binary().end())));
                continue;
            }
            json after = json::parse(answer.body);
            if (path.starts_with("/api/v1/users")) {
                after["updated_at"] = entity.at("updated_at");  // the account itself changed twice
            }
            BOOST_TEST(after == entity);
        }
    }
    BOOST_TEST(eventually([&] { return has_counts(1, 1); }));
    check_problem(other.get(path_of_comment(dead_comment)), 404);
}

BOOST_AUTO_TEST_CASE(all_sessions_end_with_the_account) {
    auto other_device = server.connect();
    other_device.adopt(parse(other_device.post(
        "/api/v1/auth/login", {{"username", leaver.username()}, {"password", default_password}})));
    leave();
    check_problem(leaver.get("/api/v1/users/me"), 401);
    check_problem(other_device.get("/api/v1/users/me"), 401);
    check_problem(other_device.post("/api/v1/auth/login", {{"username", leaver.username()},
                                                           {"password", default_password}}),
                  401);
    leaver.adopt(parse(come_back()));
    check_status(leaver.get("/api/v1/users/me"), 200);
    check_problem(other_device.get("/api/v1/users/me"), 401);
}

BOOST_AUTO_TEST_CASE(a_username_stays_taken_while_its_account_is_deleted) {
    leave();
    auto other = server.connect();
    check_problem(other.post("/api/v1/auth/signup",
                             {{"username", leaver.username()}, {"password", default_password}}),
                  409, {{"username", "taken"}});
}

BOOST_AUTO_TEST_CASE(restoring_an_account_needs_its_password) {
    leave();
    const auto refused = come_back("wrong horse");
    check_problem(refused, 401);
    BOOST_TEST(leaver
                   .post("/api/v1/auth/restore",
                         {{"username", "nobody.at.all"}, {"password", "wrong horse"}})
                   .body == refused.body);
    check_problem(other.get("/api/v1/users/" + leaver.id()), 404);
}

BOOST_AUTO_TEST_CASE(past_the_retention_an_account_stays_deleted) {
    auto options = without_rate_limits();
    options.restore_retention = std::chrono::seconds(0);
    api_server strict(options);
    auto user = strict.sign_up();
    check_status(user.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    check_problem(user.post("/api/v1/auth/restore",
                            {{"username", user.username()}, {"password", default_password}}),
                  401);
}

BOOST_AUTO_TEST_CASE(restoring_an_account_that_is_alive_is_a_login) {
    const json login = parse(come_back());
    check_login(login);
    BOOST_TEST(text(login, "token") != leaver.token());
    check_status(leaver.get("/api/v1/users/me"), 200);
}

BOOST_AUTO_TEST_CASE(counts_settle_after_a_restart_right_behind_a_deletion) {
    api_server own;
    auto gone = own.sign_up();
    auto stays = own.sign_up();
    std::vector<json> posts;
    for (int i = 0; i < 20; ++i) {
        posts.push_back(create_post(stays));
        create_like(gone, posts.back());
        create_comment(gone, posts.back());
    }
    check_status(gone.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    own.restart();
    stays.move_to(own.port());
    std::string wrong;
    BOOST_TEST(eventually([&] { return (wrong = find_wrong_count(stays)).empty(); }), wrong);
    BOOST_TEST(walk(stays, "/api/v1/likes").empty());
    gone.move_to(own.port());
    gone.adopt(parse(gone.post("/api/v1/auth/restore",
                               {{"username", gone.username()}, {"password", default_password}})));
    own.restart();
    stays.move_to(own.port());
    BOOST_TEST(eventually([&] { return (wrong = find_wrong_count(stays)).empty(); }), wrong);
    BOOST_TEST(walk(stays, "/api/v1/likes?page_size=100").size() == posts.size());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
