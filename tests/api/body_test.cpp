// What a JSON body may not be. A comment and a profile stand for all of them: every JSON route
// reads its body through the same function, with its own fields.
#include <boost/test/unit_test.hpp>

#include "handlers/dispatch.hpp"
#include "tests/api/entity_checks.hpp"
#include "tests/api/server_fixture.hpp"

namespace pinhole::test {

namespace {

struct author_with_post {
    api_client author = shared_server().sign_up();
    std::string comments = path_of_post(create_post(author)) + "/comments";

    http_response send(const std::string& body) { return author.send_json("POST", comments, body); }
    http_response send_profile(const std::string& body) {
        return author.send_json("PATCH", "/api/v1/users/me", body);
    }
};

std::string repeated(std::string_view text, int times) {
    std::string all;
    for (int i = 0; i < times; ++i) {
        all += text;
    }
    return all;
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(bodies, author_with_post)

BOOST_AUTO_TEST_CASE(what_is_no_json_object_is_refused) {
    for (const char* body : {"",
                             " ",
                             "null",
                             "true",
                             "1",
                             "\"text\"",
                             "[]",
                             R"([{"content":"x"}])",
                             "{",
                             "}",
                             "{]",
                             R"({"content":"x")",
                             R"({"content":"x"}})",
                             R"({"content":"x",})",
                             R"({content:"x"})",
                             R"({'content':'x'})",
                             R"({"content":"x"} {})",
                             "NaN",
                             R"({"content":"\x41"})",
                             "{\"content\":\"line\nbreak\"}",
                             "content=x"}) {
        BOOST_TEST_CONTEXT("body " << body) {
            check_problem(send(body), 400);
        }
    }
    BOOST_TEST(walk(author, "/api/v1/comments?author=me").empty());
}

BOOST_AUTO_TEST_CASE(a_nul_byte_does_not_hide_what_follows) {
    using namespace std::string_literals;
    for (const std::string& body : {"{\"content\":\"x\"}\0"s, "{\"content\":\"x\"}\0garbage"s,
                                    "\0{\"content\":\"x\"}"s, "{\"content\":\"x\0y\"}"s}) {
        check_problem(send(body), 400);
    }
}

BOOST_AUTO_TEST_CASE(a_byte_order_mark_and_white_space_are_tolerated) {
    check_status(send("\xEF\xBB\xBF{\"content\":\"x\"}"), 201);
    check_status(send("\r\n\t {\"content\" : \"x\"} \n"), 201);
}

BOOST_AUTO_TEST_CASE(unknown_fields_are_refused_by_name) {
    const auto problem = check_problem(send(R"({"content":"x","contents":"y","":"z"})"), 422,
                                       {{"contents", "unknown_field"}, {"", "unknown_field"}});
    BOOST_TEST(problem.dump().contains("allowed are: content"));
}

BOOST_AUTO_TEST_CASE(read_only_fields_are_refused_by_name_on_every_route) {
    const json assigned{{"id", "1"},           {"is_staff", true},     {"is_deleted", false},
                        {"created_at", "now"}, {"updated_at", "now"},  {"author", "1"},
                        {"post", "1"},         {"user", "1"},          {"like_count", 1000},
                        {"comment_count", 7},  {"post_count", 1},      {"liked", true},
                        {"files", "x"},        {"deleted_at", "never"}};
    faults expected;
    for (const auto& member : assigned.items()) {
        expected.emplace(member.key(), "read_only");
    }
    for (const auto& route : handlers::route_table()) {
        if (route.body != handlers::body_kind::json) {
            continue;
        }
        std::string target(route.pattern);
        if (const auto open = target.find("{id}"); open != std::string::npos) {
            target.replace(open, 4, "1");
        }
        json body = assigned;
        for (const auto& field : route.fields) {
            body[std::string(field.name)] = field.name == "website" ? "" : "valid.value";
        }
        BOOST_TEST_CONTEXT(target) {
            const std::string method(boost::beast::http::to_string(route.method));
            check_problem(author.send_json(method, target, body.dump()), 422, expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(all_bad_fields_are_named_at_once) {
    auto nobody = shared_server().connect();
    check_problem(nobody.post("/api/v1/auth/signup", {{"username", "no spaces"},
                                                      {"website", "nonsense"},
                                                      {"bio", std::string(151, 'b')},
                                                      {"name", 7},
                                                      {"is_staff", true},
                                                      {"nick", "n"}}),
                  422,
                  {{"username", "invalid_format"},
                   {"password", "required"},
                   {"website", "invalid_format"},
                   {"bio", "too_long"},
                   {"name", "not_a_string"},
                   {"is_staff", "read_only"},
                   {"nick", "unknown_field"}});
}

BOOST_AUTO_TEST_CASE(text_fields_take_text_only) {
    for (const char* value : {"null", "true", "1", "1.5", "[]", "{}", R"(["x"])", R"({"a":"b"})"}) {
        BOOST_TEST_CONTEXT(value) {
            check_problem(send(std::string(R"({"content":)") + value + "}"), 422,
                          {{"content", "not_a_string"}});
        }
    }
}

BOOST_AUTO_TEST_CASE(invalid_utf8_is_refused) {
    for (const char* bytes : {"\xFF", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82",
                              "\x80", "\xF8\x88\x80\x80\x80"}) {
        check_problem(send(std::string(R"({"content":")") + bytes + "\"}"), 400);
        check_problem(send(std::string(R"({")") + bytes + R"(":"x","content":"x"})"), 400);
    }
}

BOOST_AUTO_TEST_CASE(nul_and_lone_surrogates_are_refused) {
    check_problem(send(R"({"content":"a\u0000b"})"), 422, {{"content", "nul_character"}});
    check_problem(send(R"({"content":"\ud83d"})"), 400);
    check_problem(send(R"({"content":"\ude00\ud83d"})"), 400);
    const json comment = parse(send(R"({"content":"\ud83d\ude00"})"), 201);
    BOOST_TEST(text(comment, "content") == "\U0001F600");
}

BOOST_AUTO_TEST_CASE(lengths_are_counted_in_code_points) {
    for (const std::string_view character : {"a", "é", "€", "\U0001F600"}) {
        const json longest{{"content", repeated(character, 2200)}};
        BOOST_TEST(parse(author.post(comments, longest), 201).at("content") ==
                   longest.at("content"));
        check_problem(author.post(comments, {{"content", repeated(character, 2201)}}), 422,
                      {{"content", "too_long"}});
        check_status(
            send_profile(
                json{{"name", repeated(character, 64)}, {"bio", repeated(character, 150)}}.dump()),
            200);
        check_problem(
            send_profile(
                json{{"name", repeated(character, 65)}, {"bio", repeated(character, 151)}}.dump()),
            422, {{"name", "too_long"}, {"bio", "too_long"}});
    }
    const std::string url = "https://example.org/";
    const std::string longest = url + std::string(200 - url.size(), 'x');
    check_status(send_profile(json{{"website", longest}}.dump()), 200);
    check_problem(send_profile(json{{"website", longest + "x"}}.dump()), 422,
                  {{"website", "too_long"}});
}

BOOST_AUTO_TEST_CASE(passwords_and_usernames_have_both_limits) {
    auto nobody = shared_server().connect();
    const auto sign_up_with = [&](const std::string& name, const std::string& password) {
        return nobody.post("/api/v1/auth/signup", {{"username", name}, {"password", password}});
    };
    check_problem(sign_up_with("", "1234567"), 422,
                  {{"username", "blank"}, {"password", "too_short"}});
    check_problem(sign_up_with(std::string(31, 'a'), std::string(129, 'p')), 422,
                  {{"username", "too_long"}, {"password", "too_long"}});
    check_status(sign_up_with(unique_name("p"), "12345678"), 201);
    check_status(sign_up_with(unique_name("p"), repeated("\U0001F600", 128)), 201);
}

BOOST_AUTO_TEST_CASE(control_characters_in_text_come_back_as_they_were) {
    const std::string odd = "tab\t nl\n cr\r bell\a esc\x1B del\x7F quote\" back\\ u\u2028";
    BOOST_TEST(parse(author.post(comments, {{"content", odd}}), 201).at("content") == odd);
    BOOST_TEST(walk(author, "/api/v1/comments?author=me").front().at("content") == odd);
}

BOOST_AUTO_TEST_CASE(deep_nesting_is_refused_and_harms_nobody) {
    for (const char* open : {"[", R"({"a":)"}) {
        const std::string close = *open == '[' ? "]" : "}";
        check_problem(
            send(R"({"content":)" + repeated(open, 10'000) + "1" + repeated(close, 10'000) + "}"),
            400);
        check_problem(send(repeated(open, 10'000)), 400);
    }
    check_status(author.get("/api/v1/users/me"), 200);
}

BOOST_AUTO_TEST_CASE(a_field_given_twice_is_refused) {
    check_problem(send(R"({"content":"x","content":"y"})"), 400);
    check_problem(send(R"({"content":"x","\u0063ontent":"y"})"), 400);
}

BOOST_AUTO_TEST_CASE(other_content_types_are_refused) {
    const auto send_as = [&](const std::string& type) {
        return author.request("POST", comments, {{"Content-Type", type}}, R"({"content":"x"})");
    };
    for (const char* type : {"text/plain", "application/x-www-form-urlencoded", "application/jsonp",
                             "multipart/form-data; boundary=x", "text/json"}) {
        BOOST_TEST_CONTEXT(type) {
            const auto problem = check_problem(send_as(type), 415);
            BOOST_TEST((problem.at("accepted") == json{"application/json"}));
        }
    }
    check_status(send_as("application/json; charset=utf-8"), 201);
    check_status(send_as("Application/JSON"), 201);
}

BOOST_AUTO_TEST_CASE(bodies_end_at_64_kib) {
    const std::string frame = R"({"content":"x"})";
    check_status(send(std::string(64 * 1024 - frame.size(), ' ') + frame), 201);
    check_problem(send(std::string(64 * 1024 - frame.size() + 1, ' ') + frame), 413);

    auto& connection = author.connection();
    connection.reconnect();
    connection.send("POST " + comments + " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
                    author.token() + "\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 9; ++i) {
        connection.send_until_closed("2000\r\n" + std::string(0x2000, ' ') + "\r\n");
    }
    check_problem(connection.receive(), 413);
    connection.reconnect();
}

BOOST_AUTO_TEST_CASE(a_body_of_unknown_length_is_411) {
    for (const auto& route : handlers::route_table()) {
        if (route.body != handlers::body_kind::json) {
            continue;
        }
        std::string target(route.pattern);
        if (const auto open = target.find("{id}"); open != std::string::npos) {
            target.replace(open, 4, "1");
        }
        BOOST_TEST_CONTEXT(target) {
            http_client client(shared_server().port());
            client.send(std::string(boost::beast::http::to_string(route.method)) + ' ' + target +
                        " HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + author.token() +
                        "\r\n\r\n");
            check_problem(client.receive(), 411);
        }
    }
}

BOOST_AUTO_TEST_CASE(many_members_are_refused) {
    std::string body = R"({"content":"x")";
    for (int i = 0; i < 2000; ++i) {
        body += ",\"m" + std::to_string(i) + "\":1";
    }
    check_problem(send(body + "}"), 400);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
