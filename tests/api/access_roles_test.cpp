// Every route of the table, called well by nobody, by whom the thing belongs to, by another user,
// by staff and with a token that was ended: who may do what. A route without a row fails.
//
// The contract gives staff one right, `include_deleted=true` on lists; else they are users like any
// other.
#include <array>
#include <boost/beast/http/verb.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "handlers/dispatch.hpp"
#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

enum class role : std::uint8_t { nobody, dead, other, staff, owner };
constexpr role roles[] = {role::nobody, role::dead, role::other, role::staff, role::owner};
constexpr const char* role_names[] = {"nobody", "a dead token", "another", "staff", "the owner"};

/// The status for each, in the order of `role`.
using statuses = std::array<unsigned, std::size(roles)>;

constexpr statuses anyone(unsigned status) {
    return {status, status, status, status, status};
}
constexpr statuses any_user(unsigned status) {
    return {401, 401, status, status, status};
}
constexpr statuses owner_alone(unsigned status, unsigned others) {
    return {401, 401, others, others, status};
}

/// Written by hand, not derived: it is the second opinion on the route table.
const std::map<std::string, statuses>& matrix() {
    static const std::map<std::string, statuses> table{
        {"POST /api/v1/auth/signup", anyone(201)},
        {"POST /api/v1/auth/login", anyone(200)},
        {"POST /api/v1/auth/restore", anyone(200)},
        {"POST /api/v1/auth/logout", any_user(204)},
        {"GET /api/v1/auth/sessions", any_user(200)},
        {"DELETE /api/v1/auth/sessions/{id}", owner_alone(204, 404)},
        {"POST /api/v1/auth/password", owner_alone(204, 403)},  // with the owner's password
        {"GET /api/v1/users", any_user(200)},
        {"GET /api/v1/users/me", any_user(200)},
        {"PATCH /api/v1/users/me", any_user(200)},
        {"DELETE /api/v1/users/me", owner_alone(204, 403)},  // with the owner's password
        {"GET /api/v1/users/{id}", any_user(200)},
        {"GET /api/v1/posts", any_user(200)},
        {"POST /api/v1/posts", any_user(201)},
        {"GET /api/v1/posts/{id}", any_user(200)},
        {"PATCH /api/v1/posts/{id}", owner_alone(200, 403)},
        {"DELETE /api/v1/posts/{id}", owner_alone(204, 403)},
        {"POST /api/v1/posts/{id}/restore", owner_alone(200, 404)},  // others see no deleted post
        {"PUT /api/v1/posts/{id}/like", any_user(201)},
        {"DELETE /api/v1/posts/{id}/like", any_user(204)},
        {"POST /api/v1/posts/{id}/comments", any_user(201)},
        {"GET /api/v1/files", any_user(200)},
        {"GET /api/v1/files/{id}", any_user(200)},
        {"DELETE /api/v1/files/{id}", owner_alone(204, 403)},
        {"GET /api/v1/comments", any_user(200)},
        {"GET /api/v1/comments/{id}", any_user(200)},
        {"PATCH /api/v1/comments/{id}", owner_alone(200, 403)},
        {"DELETE /api/v1/comments/{id}", owner_alone(204, 403)},
        {"GET /api/v1/likes", any_user(200)},
        {"GET /api/v1/likes/{id}", any_user(200)},
        {"GET /api/v1/openapi.json", anyone(200)},
        {"GET /healthz", anyone(200)},
        {"GET /readyz", anyone(200)},
        {"GET /media/{path...}", anyone(200)},
    };
    return table;
}

std::string method_of(const handlers::route_spec& route) {
    return std::string(boost::beast::http::to_string(route.method));
}

std::string name_of(const handlers::route_spec& route) {
    return method_of(route) + ' ' + std::string(route.pattern);
}

api_client log_in(const api_server& server, const std::string& username,
                  const std::string& password) {
    auto client = server.connect();
    client.adopt(
        parse(client.post("/api/v1/auth/login", {{"username", username}, {"password", password}})));
    return client;
}

/// An account whose password nobody else has, so that "with the owner's password" says something.
api_client sign_up_with(const api_server& server, const std::string& password) {
    auto client = server.connect();
    client.adopt(parse(client.post("/api/v1/auth/signup",
                                   {{"username", unique_name("role")}, {"password", password}}),
                       201));
    return client;
}

/// The people of one row, and what belongs to the owner.
class scene {
public:
    explicit scene(api_server& server)
        : server_(server),
          host_(sign_up_with(server, "the host's password")),
          people_{server.connect(), sign_up_with(server, "a dead one's password"),
                  sign_up_with(server, "another's password"),
                  sign_up_with(server, "the staff's password"), sign_up_with(server, password)} {
        api_client ended = log_in(server, at(role::dead).username(), "a dead one's password");
        check_status(ended.post("/api/v1/auth/logout"), 204);
        at(role::dead).set_token(ended.token());
        server.make_staff(at(role::staff).id());
        at(role::staff)
            .adopt(parse(at(role::staff)
                             .post("/api/v1/auth/login", {{"username", at(role::staff).username()},
                                                          {"password", "the staff's password"}})));
    }

    api_client& at(role who) { return people_.at(static_cast<std::size_t>(who)); }

    /// The route's answer to a request that has all it needs, for something new of the owner's.
    http_response call(const handlers::route_spec& route, role who) {
        std::string target(route.pattern);
        if (const auto open = target.find('{'); open != std::string::npos) {
            const std::string rest = target.substr(target.find('}') + 1);
            target = target.substr(0, open) + make_thing(name_of(route), target) + rest;
        }
        if (route.body == handlers::body_kind::multipart) {
            return at(who).upload(post_form("x"));
        }
        if (route.body == handlers::body_kind::json) {
            return at(who).send_json(method_of(route), target, body_of(route).dump());
        }
        return at(who).request(method_of(route), target);
    }

private:
    /// What stands in the pattern's parameter.
    std::string make_thing(const std::string& name, const std::string& pattern) {
        api_client& owner = at(role::owner);
        if (pattern.starts_with("/api/v1/users/")) {
            return owner.id();
        }
        if (pattern.starts_with("/api/v1/auth/sessions/")) {
            log_in(server_, owner.username(), password);
            return text(owner.get_json("/api/v1/auth/sessions").at("results").front(), "id");
        }
        if (pattern.starts_with("/api/v1/comments/")) {
            return text(create_comment(owner, create_post(host_)), "id");
        }
        if (pattern.starts_with("/api/v1/likes/")) {
            return text(create_like(owner, create_post(host_)), "id");
        }
        const json post = create_post(owner, "the owner's", 2);
        if (pattern.starts_with("/api/v1/files/")) {
            return text(post.at("files").front(), "id");
        }
        if (pattern.starts_with("/media/")) {
            return text(post.at("files").front(), "url").substr(std::string_view("/media/").size());
        }
        if (name.ends_with("/restore")) {
            check_status(owner.remove(path_of_post(post)), 204);
        }
        return text(post, "id");
    }

    json body_of(const handlers::route_spec& route) {
        const std::map<std::string_view, std::string> values{
            {"username",
             route.pattern.ends_with("signup") ? unique_name("new") : at(role::owner).username()},
            {"password", password},
            {"old_password", password},
            {"new_password", "a newer password"},
            {"content", "x"},
            {"name", "Name"},
            {"website", "https://example.org"},
            {"bio", "Bio"}};
        json body = json::object();
        for (const auto& field : route.fields) {
            body[std::string(field.name)] = values.at(field.name);
        }
        return body;
    }

    static constexpr const char* password = "the owner's password";

    api_server& server_;
    api_client host_;
    std::array<api_client, std::size(roles)> people_;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(access_roles)

BOOST_AUTO_TEST_CASE(every_route_has_a_row_and_every_row_a_route) {
    std::set<std::string> routes;
    for (const auto& route : handlers::route_table()) {
        routes.insert(name_of(route));
        BOOST_TEST(matrix().contains(name_of(route)), "no row: " << name_of(route));
    }
    BOOST_TEST(routes.size() == matrix().size());
}

BOOST_AUTO_TEST_CASE(everybody_may_do_what_the_matrix_says) {
    for (const auto& route : handlers::route_table()) {
        const auto expected = matrix().find(name_of(route));
        if (expected == matrix().end()) {
            continue;  // said above
        }
        scene people(shared_server());
        for (const role who : roles) {
            const auto column = static_cast<std::size_t>(who);
            BOOST_TEST_CONTEXT(name_of(route) << " by " << role_names[column]) {
                const auto answer = people.call(route, who);
                BOOST_TEST(answer.status == expected->second.at(column), answer.body);
                if (answer.status >= 400) {
                    check_problem(answer, expected->second.at(column),
                                  answer.status == 403 && route.pattern.contains("auth/password")
                                      ? faults{{"old_password", "wrong"}}
                                  : answer.status == 403 && route.pattern.ends_with("users/me")
                                      ? faults{{"password", "wrong"}}
                                      : faults{});
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(staff_alone_may_ask_for_deleted_rows) {
    scene people(shared_server());
    for (const char* list : {"users", "posts", "files", "comments", "likes"}) {
        const std::string path = std::string("/api/v1/") + list + "?include_deleted=";
        check_status(people.at(role::staff).get(path + "true"), 200);
        check_problem(people.at(role::staff).get(path + "1"), 400,
                      {{"include_deleted", "invalid_boolean"}});
        for (const role who : {role::other, role::owner}) {
            check_problem(people.at(who).get(path + "true"), 403);
            check_status(people.at(who).get(path + "false"), 200);
        }
    }
}

BOOST_AUTO_TEST_CASE(deleted_rows_are_there_for_the_filters_of_staff) {
    scene people(shared_server());
    api_client& staff = people.at(role::staff);
    api_client owner = shared_server().sign_up();
    const json post = create_post(owner);
    const std::string id = text(post, "id");
    const json comment = create_comment(owner, post);
    check_status(owner.remove(path_of_post(post)), 204);
    const auto found = [&](const std::string& query) {
        return parse(staff.get("/api/v1/" + query)).at("results").size();
    };
    for (const std::string& query :
         {"posts?id=" + id, "posts?author=" + owner.id(), "comments?post=" + id,
          "posts?comments__author=" + owner.id(), "files?post=" + id,
          "comments?author__username=" + owner.username() + "&ordering=content"}) {
        BOOST_TEST_INFO_SCOPE(query);
        BOOST_TEST(found(query) == 0U);
        BOOST_TEST(found(query + "&include_deleted=true") == 1U);
        BOOST_TEST(found(query + "&include_deleted=true&is_deleted=" +
                         (query.starts_with("posts") ? "true" : "false")) == 1U);
    }
    const json shown =
        parse(staff.get("/api/v1/posts?include_deleted=true&id=" + id)).at("results").at(0);
    BOOST_TEST(shown.at("is_deleted") == true);
    BOOST_TEST(shown.at("author").at("username") == owner.username());
}

BOOST_AUTO_TEST_CASE(the_author_of_a_post_may_delete_a_comment_on_it_and_not_edit_it) {
    auto host = shared_server().sign_up();
    auto guest = shared_server().sign_up();
    const json comment = create_comment(guest, create_post(host));
    check_problem(host.patch(path_of_comment(comment), {{"content", "x"}}), 403);
    check_status(host.remove(path_of_comment(comment)), 204);
    check_problem(guest.get(path_of_comment(comment)), 404);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
