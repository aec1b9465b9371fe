#include "server/router.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/test/unit_test.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace pinhole::http {
namespace {

class empty_body final : public body_reader {
public:
    std::optional<std::uint64_t> content_length() const override { return 0; }
    void set_limit(std::uint64_t) override {}
    boost::asio::awaitable<std::expected<std::span<const char>, body_error>> read_some() override {
        co_return std::span<const char>();
    }
};

boost::asio::awaitable<response> describe(std::string pattern, request& request) {
    for (const auto& [name, value] : request.parameters) {
        pattern += " " + std::string(name) + "=" + std::string(value);
    }
    co_return response::json(status::ok, std::move(pattern));
}

/// A route whose handler answers with its own pattern and the parameters it got.
route named(verb method, std::string pattern) {
    return {method, pattern, [pattern](request& request) { return describe(pattern, request); }};
}

response dispatch(const router& routes, verb method, std::string path) {
    boost::asio::io_context context;
    empty_body body;
    request request(body);
    request.method = method;
    request.path = std::move(path);
    request.target = request.path;
    std::optional<response> answer;
    boost::asio::co_spawn(context, routes.dispatch(request),
                          [&answer](const std::exception_ptr& thrown, response given) {
                              BOOST_REQUIRE(!thrown);
                              answer = std::move(given);
                          });
    context.run();
    BOOST_REQUIRE(answer.has_value());
    return std::move(*answer);
}

std::string text_of(const response& answer) {
    return answer.code == status::ok ? std::get<std::string>(answer.body)
                                     : std::to_string(static_cast<unsigned>(answer.code));
}

BOOST_AUTO_TEST_SUITE(routing)

BOOST_AUTO_TEST_CASE(the_most_specific_pattern_wins) {
    std::vector<route> table;
    for (const auto* pattern :
         {"/", "/users", "/users/{id}", "/users/me", "/users/{id}/posts", "/users/me/{what}",
          "/media/{path...}", "/media/status", "/{any}"}) {
        table.push_back(named(verb::get, pattern));
    }
    const router routes(std::move(table));
    const auto get = [&routes](const char* path) {
        return text_of(dispatch(routes, verb::get, path));
    };
    BOOST_TEST(get("/") == "/");
    BOOST_TEST(get("/users") == "/users");
    BOOST_TEST(get("/users/") == "/users");
    BOOST_TEST(get("/users/7") == "/users/{id} id=7");
    BOOST_TEST(get("/users/me") == "/users/me");
    BOOST_TEST(get("/users/me/posts") == "/users/me/{what} what=posts");
    BOOST_TEST(get("/users/7/posts/") == "/users/{id}/posts id=7");
    BOOST_TEST(get("/users/7/nothing") == "404");
    BOOST_TEST(get("/users//posts") == "404");
    BOOST_TEST(get("/media/a/b/c") == "/media/{path...} path=a/b/c");
    BOOST_TEST(get("/media/status") == "/media/status");
    BOOST_TEST(get("/media/status/x") == "/media/{path...} path=status/x");
    BOOST_TEST(get("/media") == "/{any} any=media");
    BOOST_TEST(get("/other") == "/{any} any=other");
    BOOST_TEST(get("/other/x") == "404");
    BOOST_TEST(get("//") == "404");
}

BOOST_AUTO_TEST_CASE(a_literal_that_leads_nowhere_gives_way_to_a_parameter) {
    std::vector<route> table;
    table.push_back(named(verb::get, "/a/b/c"));
    table.push_back(named(verb::get, "/a/{x}/d"));
    const router routes(std::move(table));
    BOOST_TEST(text_of(dispatch(routes, verb::get, "/a/b/d")) == "/a/{x}/d x=b");
}

BOOST_AUTO_TEST_CASE(methods) {
    std::vector<route> table;
    table.push_back(named(verb::get, "/a"));
    table.push_back(named(verb::delete_, "/a"));
    table.push_back(named(verb::post, "/b/{id}"));
    const router routes(std::move(table));
    BOOST_TEST(text_of(dispatch(routes, verb::head, "/a")) == "/a");
    const auto wrong = dispatch(routes, verb::put, "/a");
    BOOST_TEST(text_of(wrong) == "405");
    BOOST_TEST(wrong.header("allow") == "GET, HEAD, DELETE, OPTIONS");
    BOOST_TEST(dispatch(routes, verb::head, "/b/1").header("Allow") == "POST, OPTIONS");
}

BOOST_AUTO_TEST_CASE(mistakes_in_the_table_are_found_at_once) {
    const auto make = [](std::vector<const char*> patterns) {
        std::vector<route> table;
        table.reserve(patterns.size());
        for (const auto* pattern : patterns) {
            table.push_back(named(verb::get, pattern));
        }
        return router(std::move(table));
    };
    BOOST_CHECK_THROW(make({"/a", "/a"}), std::invalid_argument);
    BOOST_CHECK_THROW(make({"/{a}", "/{b}"}), std::invalid_argument);
    BOOST_CHECK_THROW(make({"a"}), std::invalid_argument);
    BOOST_CHECK_THROW(make({"/{a"}), std::invalid_argument);
    BOOST_CHECK_THROW(make({"/{}"}), std::invalid_argument);
    BOOST_CHECK_THROW(make({"/{a...}/b"}), std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pinhole::http
