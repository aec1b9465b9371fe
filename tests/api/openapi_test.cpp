// The API's own description, compared with the route table and with real answers.
#include <algorithm>
#include <boost/beast/http/verb.hpp>
#include <boost/test/unit_test.hpp>
#include <set>

#include "handlers/dispatch.hpp"
#include "storage/query/catalog.hpp"
#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

json read_document() {
    auto nobody = shared_server().connect();
    return nobody.get_json("/api/v1/openapi.json");
}

std::set<std::string> members_of(const json& object) {
    std::set<std::string> names;
    for (const auto& member : object.items()) {
        names.insert(member.key());
    }
    return names;
}

/// Every `$ref` anywhere in the document.
void collect_references(const json& value, std::set<std::string>& found) {
    if (value.is_object() && value.contains("$ref")) {
        found.insert(text(value, "$ref"));
    }
    if (value.is_structured()) {
        for (const json& inner : value) {
            collect_references(inner, found);
        }
    }
}

/// Checks an answer against a schema of the document: all that is required, nothing that is not
/// described, each of its type.
void check_against(const json& document, const json& schema, const json& value) {
    if (schema.contains("$ref")) {
        const std::string reference = text(schema, "$ref");
        return check_against(document, document.at(json::json_pointer(reference.substr(1))), value);
    }
    const json& type = schema.at("type");
    const std::set<std::string> types =
        type.is_array() ? type.get<std::set<std::string>>() : std::set{type.get<std::string>()};
    const std::string actual = value.is_object()           ? "object"
                               : value.is_array()          ? "array"
                               : value.is_string()         ? "string"
                               : value.is_boolean()        ? "boolean"
                               : value.is_number_integer() ? "integer"
                                                           : "null";
    BOOST_TEST(types.contains(actual), value << " against " << schema);
    if (value.is_object() && schema.contains("properties")) {
        for (const json& required : schema.value("required", json::array())) {
            BOOST_TEST(value.contains(required.get<std::string>()), required);
        }
        for (const std::string& member : members_of(value)) {
            BOOST_TEST_REQUIRE(schema.at("properties").contains(member), member);
        }
        for (const auto& member : value.items()) {
            check_against(document, schema.at("properties").at(member.key()), member.value());
        }
    }
    for (const json& item : value.is_array() ? value : json::array()) {
        check_against(document, schema.at("items"), item);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(openapi)

BOOST_AUTO_TEST_CASE(the_document_lists_exactly_the_routes) {
    const json document = read_document();
    BOOST_TEST(text(document, "openapi").starts_with("3.1"));
    std::set<std::string> described;
    for (const auto& path : document.at("paths").items()) {
        for (const auto& operation : path.value().items()) {
            described.insert(operation.key() + ' ' + path.key());
        }
    }
    std::set<std::string> routes;
    for (const auto& route : handlers::route_table()) {
        std::string method(boost::beast::http::to_string(route.method));
        std::ranges::transform(method, method.begin(),
                               [](char c) { return static_cast<char>(c - 'A' + 'a'); });
        std::string path(route.pattern);
        if (const auto rest = path.find("..."); rest != std::string::npos) {
            path.erase(rest, 3);
        }
        routes.insert(method.append(" ").append(path));
    }
    BOOST_TEST(described == routes, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(every_operation_says_who_may_what_goes_in_and_what_comes_out) {
    const json document = read_document();
    for (const auto& route : handlers::route_table()) {
        if (route.pattern == "/media/{path...}") {
            continue;
        }
        BOOST_TEST_CONTEXT(route.pattern) {
            std::string method(boost::beast::http::to_string(route.method));
            std::ranges::transform(method, method.begin(),
                                   [](char c) { return static_cast<char>(c - 'A' + 'a'); });
            const json& operation = document.at("paths").at(std::string(route.pattern)).at(method);
            BOOST_TEST(!text(operation, "summary").empty());
            BOOST_TEST(operation.contains("security") == (route.who == handlers::access::anyone));
            BOOST_TEST(operation.contains("requestBody") ==
                       (route.body != handlers::body_kind::none));
            BOOST_TEST(operation.at("responses").contains(std::to_string(route.success)));
            BOOST_TEST(operation.at("responses").contains("default"));
            std::set<std::string> expected{"X-Request-Id"};
            for (const auto& query : route.query) {
                expected.emplace(query.name);
            }
            if (route.takes_filters) {
                for (const auto& entity : storage::query::all_entities()) {
                    if (entity.singular == route.answer) {
                        for (const auto& field : entity.fields) {
                            expected.emplace(field.name);
                        }
                        for (const auto& relation : entity.relations) {
                            expected.emplace(relation.name);
                        }
                    }
                }
            }
            if (route.pattern.contains('{')) {
                expected.emplace("id");
            }
            if (route.takes_idempotency_key) {
                expected.emplace("Idempotency-Key");
            }
            if (route.has_etag && method == "get") {
                expected.emplace("If-None-Match");
            }
            if (route.has_etag && (method == "patch" || method == "delete")) {
                expected.emplace("If-Match");
            }
            std::set<std::string> described;
            for (const json& parameter : operation.at("parameters")) {
                described.insert(text(parameter, "name"));
            }
            BOOST_TEST(described == expected, boost::test_tools::per_element());
        }
    }
}

BOOST_AUTO_TEST_CASE(every_reference_leads_somewhere) {
    const json document = read_document();
    std::set<std::string> references;
    collect_references(document, references);
    BOOST_TEST(!references.empty());
    for (const std::string& reference : references) {
        BOOST_TEST(document.contains(json::json_pointer(reference.substr(1))), reference);
    }
}

BOOST_AUTO_TEST_CASE(real_answers_have_the_form_that_the_document_says) {
    const json document = read_document();
    auto user = shared_server().connect();
    const json login = parse(user.post("/api/v1/auth/signup", {{"username", unique_name("form")},
                                                               {"password", default_password}}),
                             201);
    user.adopt(login);
    const json post = create_post(user, "described", 2);
    const json comment = create_comment(user, post);
    const json like = create_like(user, post);
    const auto check_named = [&](const char* schema, const json& value) {
        BOOST_TEST_CONTEXT(schema) {
            check_against(document, document.at("components").at("schemas").at(schema), value);
        }
    };
    check_named("login", login);
    check_named("post", user.get_json(path_of_post(post)));
    check_named("file", post.at("files").at(0));
    check_named("comment", comment);
    check_named("like", like);
    check_named("user", user.get_json("/api/v1/users/me"));
    check_named("session", user.get_json("/api/v1/auth/sessions").at("results").at(0));
    check_named("status", user.get_json("/healthz"));
    check_named("problem",
                check_problem(user.get("/api/v1/posts?x=1"), 400, {{"x", "unknown_parameter"}}));
    for (const char* list : {"/api/v1/posts", "/api/v1/users", "/api/v1/files", "/api/v1/comments",
                             "/api/v1/likes", "/api/v1/auth/sessions"}) {
        BOOST_TEST_CONTEXT(list) {
            check_against(document,
                          document.at("paths")
                              .at(list)
                              .at("get")
                              .at("responses")
                              .at("200")
                              .at("content")
                              .at("application/json")
                              .at("schema"),
                          user.get_json(list));
        }
    }
}

BOOST_AUTO_TEST_CASE(the_document_is_cheap_to_ask_for_again) {
    auto nobody = shared_server().connect();
    const auto first = nobody.get("/api/v1/openapi.json");
    BOOST_TEST(
        nobody.get("/api/v1/openapi.json", {{"If-None-Match", first.header("ETag")}}).status ==
        304U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
