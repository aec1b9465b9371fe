// Ways around who may see what: ids guessed, fields smuggled, deleted things asked for by every
// path, accounts found out by how a login fails.
#include <time.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>

#include "handlers/dispatch.hpp"
#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

/// An owner with one of everything, and a stranger.
struct strangers {
    api_server& server = shared_server();
    api_client owner = server.sign_up("owner");
    api_client stranger = server.sign_up("stranger");
    json post = create_post(owner, "the owner's", 2);
    json comment = create_comment(owner, post);
    json like = create_like(owner, post);

    std::string session_id(api_client& client) const {
        return text(client.get_json("/api/v1/auth/sessions").at("results").front(), "id");
    }
    std::string file_id() const { return text(post.at("files").front(), "id"); }
    std::string file_url() const { return text(post.at("files").front(), "url"); }
};

/// Answers that differ in nothing but what names the request itself.
void check_same(const http_response& a, const http_response& b) {
    const auto without_own = [](header_list headers) {
        std::erase_if(headers, [](const auto& field) {
            return field.first == "X-Request-Id" || field.first == "Date";
        });
        return headers;
    };
    BOOST_TEST(a.status == b.status);
    BOOST_TEST(a.body == b.body);
    BOOST_TEST((without_own(a.headers) == without_own(b.headers)));
}

/// What the whole process, server and all, has computed.
std::chrono::nanoseconds cpu_time() {
    timespec used{};
    BOOST_TEST_REQUIRE(::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
    return std::chrono::seconds(used.tv_sec) + std::chrono::nanoseconds(used.tv_nsec);
}

std::chrono::nanoseconds median(std::vector<std::chrono::nanoseconds> values) {
    std::ranges::nth_element(values,
                             values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values.at(values.size() / 2);
}

/// So many tries each, in turns, so that whatever else the machine does weighs on all alike.
std::vector<std::chrono::nanoseconds> median_costs(api_client& client, const char* route,
                                                   const std::vector<json>& credentials,
                                                   int tries) {
    std::vector<std::vector<std::chrono::nanoseconds>> costs(credentials.size());
    for (auto& each : costs) {
        each.reserve(static_cast<std::size_t>(tries));
    }
    for (int left = tries; left > 0; --left) {
        for (std::size_t i = 0; i < credentials.size(); ++i) {
            const auto before = cpu_time();
            check_status(client.post(route, credentials[i]), 401);
            costs[i].push_back(cpu_time() - before);
        }
    }
    std::vector<std::chrono::nanoseconds> medians;
    medians.reserve(costs.size());
    std::ranges::transform(costs, std::back_inserter(medians), median);
    return medians;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(access_tricks, strangers)

BOOST_AUTO_TEST_CASE(an_id_of_another_entity_is_no_id) {
    const std::string ids[] = {owner.id(),          text(post, "id"), file_id(),
                               text(comment, "id"), text(like, "id"), session_id(owner)};
    const std::string folders[] = {"/api/v1/users/",    "/api/v1/posts/", "/api/v1/files/",
                                   "/api/v1/comments/", "/api/v1/likes/", "/api/v1/auth/sessions/"};
    for (std::size_t folder = 0; folder < std::size(folders); ++folder) {
        for (std::size_t id = 0; id < std::size(ids); ++id) {
            if (folder == id) {
                continue;
            }
            const std::string path = folders[folder] + ids[id];
            BOOST_TEST_CONTEXT(path) {
                const bool readable = folder < 5;
                check_problem(readable ? owner.get(path) : owner.remove(path), 404);
                if (folder == 1) {
                    check_problem(owner.remove(path), 404);
                    check_problem(owner.patch(path, {{"content", "x"}}), 404);
                    check_problem(owner.post(path + "/restore"), 404);
                    check_problem(owner.put(path + "/like"), 404);
                    check_problem(owner.remove(path + "/like"), 404);
                    check_problem(owner.post(path + "/comments", {{"content", "x"}}), 404);
                } else if (folder == 2) {
                    check_problem(owner.remove(path), 404);
                } else if (folder == 3) {
                    check_problem(owner.remove(path), 404);
                    check_problem(owner.patch(path, {{"content", "x"}}), 404);
                }
            }
        }
    }
    BOOST_TEST(walk(owner, "/api/v1/comments?post=" + text(comment, "id")).empty());
    BOOST_TEST(walk(owner, "/api/v1/posts?author=" + text(post, "id")).empty());
}

BOOST_AUTO_TEST_CASE(somebody_elses_session_is_as_absent_as_none) {
    const std::string session = session_id(owner);
    const auto theirs = stranger.remove("/api/v1/auth/sessions/" + session);
    check_problem(theirs, 404);
    check_same(theirs, stranger.remove("/api/v1/auth/sessions/4611686018427387904"));
    check_status(owner.get("/api/v1/users/me"), 200);
    for (const json& row : walk(stranger, "/api/v1/auth/sessions")) {
        BOOST_TEST(text(row, "id") != session);
    }
}

BOOST_AUTO_TEST_CASE(what_was_refused_has_changed_nothing) {
    const json before = owner.get_json(path_of_post(post));
    check_problem(stranger.patch(path_of_post(post), {{"content", "mine"}}), 403);
    check_problem(stranger.remove(path_of_post(post)), 403);
    check_problem(stranger.remove("/api/v1/files/" + file_id()), 403);
    check_problem(stranger.post(path_of_post(post) + "/restore"), 403);
    check_problem(stranger.patch(path_of_comment(comment), {{"content", "mine"}}), 403);
    check_problem(stranger.remove(path_of_comment(comment)), 403);
    check_status(stranger.remove(path_of_post(post) + "/like"), 204);  // the stranger's, of which
                                                                       // there is none
    BOOST_TEST(owner.get_json(path_of_post(post)) == before);
    BOOST_TEST(text(owner.get_json(path_of_comment(comment)), "content") == "a comment");
}

BOOST_AUTO_TEST_CASE(fields_that_the_server_sets_cannot_be_smuggled_into_an_upload) {
    for (const char* name :
         {"id", "author", "author_id", "user", "is_deleted", "like_count", "comment_count",
          "created_at", "updated_at", "liked", "url", "post", "position", "is_staff"}) {
        BOOST_TEST_CONTEXT(name) {
            auto form = post_form("x");
            form.field(name, owner.id());
            check_problem(stranger.upload(form), 422, {{name, "unknown_field"}});
            check_problem(
                stranger.request("POST", std::string("/api/v1/posts?") + name + "=" + owner.id(),
                                 {{"Content-Type", form.content_type()}}, form.text()),
                400, {{name, "unknown_parameter"}});
        }
    }
    BOOST_TEST(walk(stranger, "/api/v1/posts?author=me").empty());
    const json made = create_post(stranger);
    BOOST_TEST(made.at("author").at("id") == stranger.id());
    BOOST_TEST(made.at("like_count") == 0);
}

BOOST_AUTO_TEST_CASE(fields_that_the_server_sets_cannot_be_smuggled_into_json) {
    const json wrong{{"id", "1"},        {"author", owner.id()}, {"is_deleted", true},
                     {"like_count", 99}, {"created_at", "x"},    {"is_staff", true}};
    for (const auto& member : wrong.items()) {
        const faults expected{{member.key(), "read_only"}};
        json body{{"content", "x"}};
        body[member.key()] = member.value();
        check_problem(owner.post(path_of_post(post) + "/comments", body), 422, expected);
        check_problem(owner.patch(path_of_post(post), body), 422, expected);
        check_problem(owner.patch(path_of_comment(comment), body), 422, expected);
        json profile{{"name", "x"}};
        profile[member.key()] = member.value();
        check_problem(owner.patch("/api/v1/users/me", profile), 422, expected);
    }
    const json after = owner.get_json(path_of_post(post));
    BOOST_TEST(after.at("content") == post.at("content"));
    BOOST_TEST(after.at("author") == post.at("author"));
}

BOOST_AUTO_TEST_CASE(a_deleted_post_is_absent_by_every_path_to_everybody_but_its_author) {
    auto staff = server.sign_up("staff");
    server.make_staff(staff.id());
    staff.adopt(parse(staff.post(
        "/api/v1/auth/login", {{"username", staff.username()}, {"password", default_password}})));
    const std::string etag = stranger.get(path_of_post(post)).header("ETag");
    const std::string file_etag = stranger.get(file_url()).header("ETag");
    check_status(owner.remove(path_of_post(post)), 204);
    for (api_client* who : {&stranger, &staff, &owner}) {
        for (const std::string& path :
             {path_of_post(post), "/api/v1/files/" + file_id(), path_of_comment(comment),
              "/api/v1/likes/" + text(like, "id"), file_url()}) {
            BOOST_TEST_CONTEXT(path << " by " << who->username()) {
                check_problem(who->get(path), 404);
                BOOST_TEST(who->request("HEAD", path).status == 404U);
                for (const header_list& headers :
                     {header_list{{"If-None-Match", "*"}},
                      {{"If-None-Match", etag}},
                      {{"If-None-Match", file_etag}},
                      {{"If-Match", "*"}},
                      {{"If-Match", etag}},
                      {{"Range", "bytes=0-0"}},
                      {{"If-Range", file_etag}, {"Range", "bytes=0-0"}},
                      {{"If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT"}}}) {
                    check_problem(who->get(path, headers), 404);
                }
            }
        }
        check_problem(who->patch(path_of_post(post), {{"content", "x"}}), 404);
        check_problem(who->remove(path_of_post(post), {{"If-Match", etag}}), 404);
        check_problem(who->remove(path_of_post(post)), 404);
        check_problem(who->put(path_of_post(post) + "/like"), 404);
        check_problem(who->remove(path_of_post(post) + "/like"), 404);
        check_problem(who->post(path_of_post(post) + "/comments", {{"content", "x"}}), 404);
        check_problem(who->patch(path_of_comment(comment), {{"content", "x"}}), 404);
        check_problem(who->remove(path_of_comment(comment)), 404);
        check_problem(who->remove("/api/v1/files/" + file_id()), 404);
        const std::string id = text(post, "id");
        for (const std::string& list :
             {"/api/v1/files?post=" + id, "/api/v1/comments?post=" + id, "/api/v1/likes?post=" + id,
              "/api/v1/posts?author=" + owner.id(), "/api/v1/comments?author=" + owner.id(),
              "/api/v1/likes?user=" + owner.id()}) {
            BOOST_TEST(walk(*who, list).empty(), list);
        }
    }
    check_problem(stranger.post(path_of_post(post) + "/restore"), 404);
    check_problem(staff.post(path_of_post(post) + "/restore"), 404);
    check_problem(staff.get("/api/v1/posts?is_deleted=true&author=" + owner.id()), 400,
                  {{"is_deleted", "not_yours"}});
    check_status(owner.post(path_of_post(post) + "/restore"), 200);
    check_status(stranger.get(file_url()), 200);
}

BOOST_AUTO_TEST_CASE(a_deleted_account_is_absent_by_every_path) {
    const std::string id = owner.id();
    const std::string dead_token = owner.token();
    check_status(owner.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    for (const std::string& path :
         {"/api/v1/users/" + id, "/api/v1/users/@" + owner.username(), path_of_post(post),
          "/api/v1/files/" + file_id(), path_of_comment(comment),
          "/api/v1/likes/" + text(like, "id"), file_url()}) {
        check_problem(stranger.get(path), 404);
        check_problem(stranger.get(path, {{"If-None-Match", "*"}}), 404);
        BOOST_TEST(stranger.request("HEAD", path).status == 404U);
    }
    check_problem(stranger.put(path_of_post(post) + "/like"), 404);
    check_problem(stranger.post(path_of_post(post) + "/restore"), 404);
    auto late = server.connect();
    late.set_token(dead_token);
    check_problem(late.post(path_of_post(post) + "/restore"), 401);
    for (const std::string& list :
         {"/api/v1/posts?author=" + id, "/api/v1/comments?author=" + id, "/api/v1/likes?user=" + id,
          "/api/v1/files?post=" + text(post, "id")}) {
        BOOST_TEST(walk(stranger, list).empty(), list);
    }
    for (const json& user : walk(stranger, "/api/v1/users")) {
        BOOST_TEST(text(user, "id") != id);
    }
}

BOOST_AUTO_TEST_CASE(a_failed_login_tells_nothing_of_the_account) {
    auto deleted = server.sign_up("deleted");
    check_status(deleted.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    auto nobody = server.connect();
    const json wrong{{"username", owner.username()}, {"password", "wrong password"}};
    for (const char* route : {"/api/v1/auth/login", "/api/v1/auth/restore"}) {
        const auto expected = nobody.post(route, wrong);
        check_problem(expected, 401);
        for (const auto& [name, password] :
             {std::pair{std::string("nobody.has.this"), "wrong password"},
              {owner.username(), ""},
              {owner.username(), "correct hors"},
              {std::string("not a name at all"), "wrong password"},
              {std::string(), "wrong password"},
              {deleted.username(), "wrong password"}}) {
            BOOST_TEST_CONTEXT(route << ": " << name) {
                check_same(nobody.post(route, {{"username", name}, {"password", password}}),
                           expected);
            }
        }
    }
    check_same(nobody.post("/api/v1/auth/login",
                           {{"username", deleted.username()}, {"password", default_password}}),
               nobody.post("/api/v1/auth/login", wrong));
}

// What a login costs is its hash. A short cut for an unknown name would cost a hundredth, so
// bounds this wide cannot be missed by chance: the median over tries in turns, of CPU time, which
// what else the machine does changes little.
BOOST_AUTO_TEST_CASE(a_failed_login_costs_the_same_whatever_is_wrong) {
    auto deleted = server.sign_up("deleted");
    check_status(deleted.remove_with("/api/v1/users/me", {{"password", default_password}}), 204);
    const std::vector<json> credentials{
        {{"username", owner.username()}, {"password", "wrong password"}},
        {{"username", "nobody.has.this"}, {"password", "wrong password"}},
        {{"username", "not a name at all"}, {"password", "wrong password"}},
        {{"username", deleted.username()}, {"password", "wrong password"}}};
    auto nobody = server.connect();
    for (const char* route : {"/api/v1/auth/login", "/api/v1/auth/restore"}) {
        const auto costs = median_costs(nobody, route, credentials, 11);
        for (const auto& cost : costs) {
            BOOST_TEST_MESSAGE(route << " " << cost.count() / 1000 << " us");
            BOOST_TEST(cost.count() > costs.front().count() / 2);
            BOOST_TEST(cost.count() < costs.front().count() * 2);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
