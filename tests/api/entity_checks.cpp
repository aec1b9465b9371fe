#include "tests/api/entity_checks.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <regex>
#include <set>

namespace pinhole::test {

namespace {

std::string place(const where& from) {
    return std::string(from.file_name()) + ":" + std::to_string(from.line());
}

void check_id(const json& value) {
    static const std::regex form("[1-9][0-9]{0,18}");
    BOOST_TEST(std::regex_match(value.get<std::string>(), form), value);
}

void check_time(const json& value) {
    static const std::regex form(R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)");
    BOOST_TEST(std::regex_match(value.get<std::string>(), form), value);
}

/// What every entity of the lists has, as it is when it is shown.
void check_row(const json& row) {
    check_id(row.at("id"));
    check_time(row.at("created_at"));
    check_time(row.at("updated_at"));
    BOOST_TEST(text(row, "updated_at") >= text(row, "created_at"));
    BOOST_TEST(row.at("is_deleted").is_boolean());
}

void check_brief(const json& person, where from) {
    check_members(person, {"id", "username", "name"}, from);
    check_id(person.at("id"));
    BOOST_TEST(!text(person, "username").empty());
    BOOST_TEST(person.at("name").is_string());
}

void check_count(const json& value) {
    BOOST_TEST(value.is_number_integer());
    BOOST_TEST(value.get<std::int64_t>() >= 0);
}

}  // namespace

void check_members(const json& object, std::initializer_list<std::string_view> names, where from) {
    BOOST_TEST_CONTEXT(place(from)) {
        BOOST_TEST_REQUIRE(object.is_object());
        std::set<std::string> present;
        for (const auto& member : object.items()) {
            present.insert(member.key());
        }
        const std::set<std::string> wanted(names.begin(), names.end());
        BOOST_TEST(present == wanted, boost::test_tools::per_element());
    }
}

void check_user(const json& user, where from) {
    check_members(user,
                  {"id", "username", "name", "website", "bio", "post_count", "created_at",
                   "updated_at", "is_deleted"},
                  from);
    BOOST_TEST_CONTEXT(place(from)) {
        check_row(user);
        check_count(user.at("post_count"));
        for (const char* member : {"username", "name", "website", "bio"}) {
            BOOST_TEST(user.at(member).is_string());
        }
    }
}

void check_post(const json& post, where from) {
    check_members(post,
                  {"id", "author", "content", "files", "like_count", "comment_count", "liked",
                   "created_at", "updated_at", "is_deleted"},
                  from);
    BOOST_TEST_CONTEXT(place(from)) {
        check_row(post);
        check_brief(post.at("author"), from);
        BOOST_TEST(post.at("content").is_string());
        check_count(post.at("like_count"));
        check_count(post.at("comment_count"));
        BOOST_TEST(post.at("liked").is_boolean());
        BOOST_TEST(!post.at("files").empty());
        for (const json& file : post.at("files")) {
            check_file(file, from);
            BOOST_TEST(file.at("post") == post.at("id"));
        }
    }
}

void check_file(const json& file, where from) {
    check_members(file,
                  {"id", "post", "position", "type", "url", "content_type", "size", "width",
                   "height", "created_at", "updated_at", "is_deleted"},
                  from);
    BOOST_TEST_CONTEXT(place(from)) {
        check_row(file);
        check_id(file.at("post"));
        check_count(file.at("position"));
        BOOST_TEST((file.at("type") == "image" || file.at("type") == "video"));
        BOOST_TEST(text(file, "url").starts_with("/media/"));
        BOOST_TEST(text(file, "content_type").starts_with(text(file, "type") + "/"));
        for (const char* member : {"size", "width", "height"}) {
            BOOST_TEST(file.at(member).get<std::int64_t>() > 0);
        }
    }
}

void check_comment(const json& comment, where from) {
    check_members(comment,
                  {"id", "post", "author", "content", "created_at", "updated_at", "is_deleted"},
                  from);
    BOOST_TEST_CONTEXT(place(from)) {
        check_row(comment);
        check_id(comment.at("post"));
        check_brief(comment.at("author"), from);
        BOOST_TEST(!text(comment, "content").empty());
    }
}

void check_like(const json& like, where from) {
    check_members(like, {"id", "post", "user", "created_at", "updated_at", "is_deleted"}, from);
    BOOST_TEST_CONTEXT(place(from)) {
        check_row(like);
        check_id(like.at("post"));
        check_brief(like.at("user"), from);
    }
}

void check_session(const json& session, where from) {
    check_members(session,
                  {"id", "user_agent", "created_at", "last_used_at", "expires_at", "is_current"},
                  from);
    BOOST_TEST_CONTEXT(place(from)) {
        check_id(session.at("id"));
        for (const char* member : {"created_at", "last_used_at", "expires_at"}) {
            check_time(session.at(member));
        }
        BOOST_TEST(session.at("is_current").is_boolean());
    }
}

void check_login(const json& login, where from) {
    check_members(login, {"user", "token", "expires_at"}, from);
    check_user(login.at("user"), from);
    BOOST_TEST_CONTEXT(place(from)) {
        BOOST_TEST(text(login, "token").size() >= 43U);  // 256 bits in base64url
        check_time(login.at("expires_at"));
    }
}

void check_page(const json& page, where from) {
    check_members(page, {"next", "previous", "results"}, from);
    BOOST_TEST_CONTEXT(place(from)) {
        BOOST_TEST(page.at("results").is_array());
        for (const char* member : {"next", "previous"}) {
            BOOST_TEST((page.at(member).is_null() || page.at(member).is_string()));
        }
    }
}

std::string find_wrong_count(api_client& viewer) {
    using counts = std::map<std::string, std::int64_t>;
    counts likes;
    counts comments;
    counts posts;
    for (const json& like : walk(viewer, "/api/v1/likes?page_size=100")) {
        ++likes[text(like, "post")];
    }
    for (const json& comment : walk(viewer, "/api/v1/comments?page_size=100")) {
        ++comments[text(comment, "post")];
    }
    std::string wrong;
    const auto compare = [&wrong](const json& row, const char* member, std::int64_t rows) {
        if (row.at(member).get<std::int64_t>() != rows) {
            wrong += text(row, "id") + ": " + member + " is " + row.at(member).dump() + ", has " +
                     std::to_string(rows) + " rows\n";
        }
    };
    for (const json& post : walk(viewer, "/api/v1/posts?page_size=100")) {
        ++posts[text(post.at("author"), "id")];
        compare(post, "like_count", likes[text(post, "id")]);
        compare(post, "comment_count", comments[text(post, "id")]);
    }
    for (const json& user : walk(viewer, "/api/v1/users?page_size=100")) {
        compare(user, "post_count", posts[text(user, "id")]);
    }
    return wrong;
}

void check_settled(api_client& viewer) {
    std::string wrong;
    const bool settled = eventually([&] {
        wrong = find_wrong_count(viewer);
        return wrong.empty();
    });
    BOOST_TEST(settled, wrong);
}

}  // namespace pinhole::test
