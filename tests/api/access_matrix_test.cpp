// Every route of the table, called by nobody, with a dead token, with garbage for an id, with
// another method. A route that this file does not know fails the test.
#include <boost/beast/http/verb.hpp>
#include <boost/test/unit_test.hpp>
#include <map>
#include <set>

#include "handlers/dispatch.hpp"
#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

struct expectation {
    bool needs_login = true;
    /// To a user who sends no body, with the id `{id}` replaced by one that nothing has.
    unsigned empty_request = 200;
};

/// Written by hand, not derived: it is the second opinion on the route table.
const std::map<std::string, expectation>& expectations() {
    static const std::map<std::string, expectation> table{
        {"POST /api/v1/auth/signup", {false, 400}},
        {"POST /api/v1/auth/login", {false, 400}},
        {"POST /api/v1/auth/restore", {false, 400}},
        {"POST /api/v1/auth/logout", {true, 204}},
        {"GET /api/v1/auth/sessions", {true, 200}},
        {"DELETE /api/v1/auth/sessions/{id}", {true, 404}},
        {"POST /api/v1/auth/password", {true, 400}},
        {"GET /api/v1/users", {true, 200}},
        {"GET /api/v1/users/me", {true, 200}},
        {"PATCH /api/v1/users/me", {true, 400}},
        {"DELETE /api/v1/users/me", {true, 411}},
        {"GET /api/v1/users/{id}", {true, 404}},
        {"GET /api/v1/posts", {true, 200}},
        {"POST /api/v1/posts", {true, 415}},
        {"GET /api/v1/posts/{id}", {true, 404}},
        {"PATCH /api/v1/posts/{id}", {true, 400}},
        {"DELETE /api/v1/posts/{id}", {true, 404}},
        {"POST /api/v1/posts/{id}/restore", {true, 404}},
        {"PUT /api/v1/posts/{id}/like", {true, 404}},
        {"DELETE /api/v1/posts/{id}/like", {true, 404}},
        {"POST /api/v1/posts/{id}/comments", {true, 400}},
        {"GET /api/v1/files", {true, 200}},
        {"GET /api/v1/files/{id}", {true, 404}},
        {"DELETE /api/v1/files/{id}", {true, 404}},
        {"GET /api/v1/comments", {true, 200}},
        {"GET /api/v1/comments/{id}", {true, 404}},
        {"PATCH /api/v1/comments/{id}", {true, 400}},
        {"DELETE /api/v1/comments/{id}", {true, 404}},
        {"GET /api/v1/likes", {true, 200}},
        {"GET /api/v1/likes/{id}", {true, 404}},
        {"GET /api/v1/openapi.json", {false, 200}},
        {"GET /healthz", {false, 200}},
        {"GET /readyz", {false, 200}},
        {"GET /media/{path...}", {false, 404}},
    };
    return table;
}

std::string method_of(const handlers::route_spec& route) {
    return std::string(boost::beast::http::to_string(route.method));
}

std::string name_of(const handlers::route_spec& route) {
    return method_of(route) + ' ' + std::string(route.pattern);
}

/// The pattern with its parameter replaced.
std::string target_of(const handlers::route_spec& route, std::string_view parameter) {
    std::string target(route.pattern);
    if (const auto open = target.find('{'); open != std::string::npos) {
        target.replace(open, target.find('}') - open + 1, parameter);
    }
    return target;
}

constexpr std::string_view nothing_has_this_id = "4611686018427387904";

void check_refused_without(api_client& client, const handlers::route_spec& route) {
    const auto answer = client.request(method_of(route), target_of(route, nothing_has_this_id));
    if (expectations().at(name_of(route)).needs_login) {
        check_problem(answer, 401);
    } else {
        BOOST_TEST(answer.status == expectations().at(name_of(route)).empty_request);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(access_matrix)

BOOST_AUTO_TEST_CASE(every_route_has_an_expectation_and_every_expectation_a_route) {
    std::set<std::string> routes;
    for (const auto& route : handlers::route_table()) {
        routes.insert(name_of(route));
        BOOST_TEST(expectations().contains(name_of(route)), "no expectation: " << name_of(route));
    }
    BOOST_TEST(routes.size() == expectations().size());
}

BOOST_AUTO_TEST_CASE(nobody_and_dead_tokens_are_refused_where_a_login_is_needed) {
    auto& server = shared_server();
    auto dead = server.sign_up();
    const std::string ended = dead.token();
    check_status(dead.post("/api/v1/auth/logout"), 204);
    std::string forged = ended;
    forged.back() = forged.back() == 'A' ? 'B' : 'A';
    forged[10] = forged[10] == 'A' ? 'B' : 'A';
    for (const auto& route : handlers::route_table()) {
        for (const std::string& token :
             {std::string(), ended, forged, ended + "AA", std::string("ph_"),
              std::string(9000, 'x'), std::string("null"), std::string("ph_%00'\"<script>")}) {
            BOOST_TEST_CONTEXT(name_of(route) << " with the token " << token.substr(0, 40)) {
                auto client = server.connect();
                client.set_token(token);
                check_refused_without(client, route);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(other_authorization_schemes_are_no_login) {
    auto client = shared_server().sign_up();
    const std::string token = client.token();
    client.become_nobody();
    for (const std::string& value :
         {"Basic " + token, token, "Bearer" + token, std::string("Bearer "), "Token " + token}) {
        check_problem(client.get("/api/v1/users/me", {{"Authorization", value}}), 401);
    }
    check_status(client.get("/api/v1/users/me", {{"Authorization", "bearer " + token}}), 200);
}

BOOST_AUTO_TEST_CASE(a_user_who_sends_nothing_gets_the_expected_status) {
    for (const auto& route : handlers::route_table()) {
        BOOST_TEST_CONTEXT(name_of(route)) {
            auto client = shared_server().sign_up();
            const auto answer =
                client.request(method_of(route), target_of(route, nothing_has_this_id));
            const unsigned expected = expectations().at(name_of(route)).empty_request;
            if (expected >= 400) {
                check_problem(answer, expected);
            }
            BOOST_TEST(answer.status == expected);
            BOOST_TEST(answer.has_header("X-Request-Id"));
        }
    }
}

BOOST_AUTO_TEST_CASE(garbage_for_an_id_is_not_found) {
    auto client = shared_server().sign_up();
    for (const auto& route : handlers::route_table()) {
        if (!route.pattern.contains("{id}")) {
            continue;
        }
        for (const char* garbage :
             {"0", "-1", "+1", "01", "1.0", "1e3", "abc", "9223372036854775808",
              "99999999999999999999999", "%31%20", "@", "@.", "null", "%C3%A9", "1,2", "*"}) {
            BOOST_TEST_CONTEXT(name_of(route) << " with the id " << garbage) {
                const std::string body = route.fields.empty() ? "" : R"({"content":"x"})";
                const header_list headers{{"Content-Type", "application/json"}};
                check_problem(
                    client.request(method_of(route), target_of(route, garbage), headers, body),
                    404);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(other_methods_are_refused_with_what_is_allowed) {
    std::map<std::string, std::set<std::string>> allowed;
    for (const auto& route : handlers::route_table()) {
        allowed[std::string(route.pattern)].insert(method_of(route));
    }
    auto client = shared_server().connect();
    for (const auto& route : handlers::route_table()) {
        auto& methods = allowed[std::string(route.pattern)];
        for (const std::string method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
            if (methods.contains(method)) {
                continue;
            }
            BOOST_TEST_CONTEXT(method << " " << route.pattern) {
                const auto answer = client.request(method, target_of(route, "5"));
                check_problem(answer, 405);
                std::set<std::string> expected = methods;
                expected.insert("OPTIONS");
                if (methods.contains("GET")) {
                    expected.insert("HEAD");
                }
                std::set<std::string> said;
                std::string list = answer.header("Allow") + ", ";
                for (std::size_t comma = 0; (comma = list.find(", ")) != std::string::npos;
                     list.erase(0, comma + 2)) {
                    said.insert(list.substr(0, comma));
                }
                BOOST_TEST(said == expected, boost::test_tools::per_element());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(unknown_query_parameters_are_named_and_refused) {
    auto client = shared_server().sign_up();
    for (const auto& route : handlers::route_table()) {
        if (route.any_query || !expectations().at(name_of(route)).needs_login) {
            continue;
        }
        BOOST_TEST_CONTEXT(name_of(route)) {
            const auto answer =
                client.request(method_of(route), target_of(route, nothing_has_this_id) +
                                                     "?nonsense=1&ordering=-nothing");
            if (route.takes_filters) {
                check_problem(answer, 400,
                              {{"nonsense", "unknown_parameter"}, {"ordering", "unknown_order"}});
                continue;
            }
            const auto problem = check_problem(
                answer, 400,
                {{"nonsense", "unknown_parameter"}, {"ordering", "unknown_parameter"}});
            for (const auto& parameter : route.query) {
                BOOST_TEST(problem.at("errors").front().at("message").get<std::string>().contains(
                    parameter.name));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_path_that_no_route_has_is_not_found) {
    auto client = shared_server().sign_up();
    for (const char* path : {"/", "/api", "/api/v1", "/api/v2/posts", "/api/v1/posts/1/likes",
                             "/api/v1/Posts", "/api/v1/users/me/posts", "/favicon.ico"}) {
        BOOST_TEST_CONTEXT(path) {
            check_problem(client.get(path), 404);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
