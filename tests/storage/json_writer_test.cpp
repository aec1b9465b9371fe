#include "storage/schema/json_writer.hpp"

#include <nlohmann/json.hpp>

#include "tests/storage/storage_fixture.hpp"

namespace pinhole::storage::test {

using namespace std::string_literals;
using json = nlohmann::ordered_json;

namespace {

const std::string secret = "SECRET-NEVER-SHOWN";

user_view sample_user() {
    user row = make_user(INT64_MAX, "kim", 1);
    row.password = secret;
    row.name = "K\"i\\m";
    row.website = "https://kim.example";
    row.bio = "line\nline";
    row.is_staff = true;
    row.deleted_at = at_second(77);
    return {.row = row, .post_count = 12};
}

post_view sample_post() {
    post row = make_post(100, 1, 2);
    row.files[0].sha256 = secret;
    row.files[0].position = 3;
    row.files[0].size = 5'000'000'000;
    row.files.push_back(row.files[0]);
    return {.row = row,
            .person = {.id = 1, .username = "kim", .name = "Kim"},
            .like_count = 3,
            .comment_count = 4,
            .liked = true};
}

/// The value as any JSON parser sees it, its members being exactly these, in this order.
json parse_members(const std::string& text, const std::vector<std::string>& members) {
    auto parsed = json::parse(text);
    std::vector<std::string> found;
    for (const auto& [name, value] : parsed.items()) {
        found.push_back(name);
    }
    BOOST_TEST(found == members, boost::test_tools::per_element());
    for (const std::string_view never : {"SECRET", "\"password", "\"sha256", "\"token_hash",
                                         "\"is_staff", "\"deleted_at", "\"is_counted"}) {
        BOOST_TEST_INFO_SCOPE(never);
        BOOST_TEST(text.find(never) == std::string::npos);
    }
    return parsed;
}

const std::vector<std::string> person_members{"id", "username", "name"};
const std::vector<std::string> file_members{"id",     "post",         "position",   "type",
                                            "url",    "content_type", "size",       "width",
                                            "height", "created_at",   "updated_at", "is_deleted"};

void check_person(const json& person) {
    parse_members(person.dump(), person_members);
    BOOST_TEST(person.at("id").get<std::string>() == "1");
    BOOST_TEST(person.at("username").get<std::string>() == "kim");
    BOOST_TEST(person.at("name").get<std::string>() == "Kim");
}

std::string escaped(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(json_text)

BOOST_AUTO_TEST_CASE(escapes) {
    const std::pair<std::string, std::string_view> table[] = {
        {"", R"("")"},
        {"plain", R"("plain")"},
        {"\"", R"("\"")"},
        {"\\", R"("\\")"},
        {"a\"b\\c", R"("a\"b\\c")"},
        {"\n\r\t", R"("\n\r\t")"},
        {"\0"s, R"("\u0000")"},
        {"\x01\x08\x0b\x0c\x1b\x1f", R"("\u0001\u0008\u000b\u000c\u001b\u001f")"},
        {"/", R"("/")"},
        {"\x7f", "\"\x7f\""},
        {"\xc3\xa9 \xf0\x9f\x8c\x8a", "\"\xc3\xa9 \xf0\x9f\x8c\x8a\""},
        {"\xe2\x80\xa8", "\"\xe2\x80\xa8\""},  // U+2028, allowed in JSON
    };
    for (const auto& [text, expected] : table) {
        BOOST_TEST(escaped(text) == expected);
    }
}

BOOST_AUTO_TEST_CASE(every_character_comes_back) {
    for (std::uint32_t point = 0; point < 0x11'0000; point += point < 0x1000 ? 1 : 61) {
        if (point >= 0xD800 && point <= 0xDFFF) {
            continue;
        }
        std::string text = "<";
        const auto byte = [&](std::uint32_t value) { text += static_cast<char>(value); };
        if (point < 0x80) {
            byte(point);
        } else if (point < 0x800) {
            byte(0xC0U | point >> 6U);
            byte(0x80U | (point & 0x3FU));
        } else if (point < 0x10000) {
            byte(0xE0U | point >> 12U);
            byte(0x80U | (point >> 6U & 0x3FU));
            byte(0x80U | (point & 0x3FU));
        } else {
            byte(0xF0U | point >> 18U);
            byte(0x80U | (point >> 12U & 0x3FU));
            byte(0x80U | (point >> 6U & 0x3FU));
            byte(0x80U | (point & 0x3FU));
        }
        text += '>';
        BOOST_TEST_INFO_SCOPE(point);
        BOOST_REQUIRE(json::parse(escaped(text)).get<std::string>() == text);
    }
}

BOOST_AUTO_TEST_CASE(integers_at_their_edges) {
    const auto text = [](std::int64_t value) {
        std::string out;
        append_json_integer(out, value);
        return out;
    };
    BOOST_TEST(text(0) == "0");
    BOOST_TEST(text(-1) == "-1");
    BOOST_TEST(text(INT64_MAX) == "9223372036854775807");
    BOOST_TEST(text(INT64_MIN) == "-9223372036854775808");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(json_views)

BOOST_AUTO_TEST_CASE(a_user) {
    const auto parsed = parse_members(to_json(sample_user()),
                                      {"id", "username", "name", "website", "bio", "post_count",
                                       "created_at", "updated_at", "is_deleted"});
    BOOST_TEST(parsed.at("id").get<std::string>() == "9223372036854775807");
    BOOST_TEST(parsed.at("name").get<std::string>() == "K\"i\\m");
    BOOST_TEST(parsed.at("bio").get<std::string>() == "line\nline");
    BOOST_TEST(parsed.at("post_count").get<int>() == 12);
    BOOST_TEST(parsed.at("created_at").get<std::string>() == "2023-11-14T22:13:21.000000Z");
    BOOST_TEST(!parsed.at("is_deleted").get<bool>());
}

BOOST_AUTO_TEST_CASE(a_post) {
    const auto parsed = parse_members(
        to_json(sample_post()), {"id", "author", "content", "files", "like_count", "comment_count",
                                 "liked", "created_at", "updated_at", "is_deleted"});
    BOOST_TEST(parsed.at("id").get<std::string>() == "100");
    check_person(parsed.at("author"));
    BOOST_REQUIRE_EQUAL(parsed.at("files").size(), 2U);
    for (const auto& attached : parsed.at("files")) {
        parse_members(attached.dump(), file_members);
        BOOST_TEST(attached.at("post").get<std::string>() == "100");
    }
    BOOST_TEST(parsed.at("like_count").get<int>() == 3);
    BOOST_TEST(parsed.at("comment_count").get<int>() == 4);
    BOOST_TEST(parsed.at("liked").get<bool>());
    post_view bare;
    BOOST_TEST(json::parse(to_json(bare)).at("files").empty());
    BOOST_TEST(json::parse(to_json(bare)).at("files").is_array());
}

BOOST_AUTO_TEST_CASE(a_file) {
    const auto parsed = parse_members(to_json(file_view{sample_post().row.files[0]}), file_members);
    BOOST_TEST(parsed.at("id").get<std::string>() == "101");
    BOOST_TEST(parsed.at("post").get<std::string>() == "100");
    BOOST_TEST(parsed.at("position").get<int>() == 3);
    BOOST_TEST(parsed.at("type").get<std::string>() == "image");
    BOOST_TEST(parsed.at("size").get<std::int64_t>() == 5'000'000'000);
}

BOOST_AUTO_TEST_CASE(a_comment) {
    comment row = make_comment(9, 100, 1);
    row.is_counted = true;
    row.is_deleted = true;
    const auto parsed = parse_members(
        to_json(comment_view{row, {.id = 1, .username = "kim", .name = "Kim"}}),
        {"id", "post", "author", "content", "created_at", "updated_at", "is_deleted"});
    BOOST_TEST(parsed.at("post").get<std::string>() == "100");
    BOOST_TEST(parsed.at("is_deleted").get<bool>());
    check_person(parsed.at("author"));
}

BOOST_AUTO_TEST_CASE(a_like) {
    like row = make_like(9, 100, 1);
    row.is_counted = true;
    const auto parsed =
        parse_members(to_json(like_view{row, {.id = 1, .username = "kim", .name = "Kim"}}),
                      {"id", "post", "user", "created_at", "updated_at", "is_deleted"});
    BOOST_TEST(parsed.at("post").get<std::string>() == "100");
    check_person(parsed.at("user"));
}

BOOST_AUTO_TEST_CASE(a_session) {
    session row;
    row.id = 9;
    row.user.id = 1;
    row.token_hash = secret;
    row.user_agent = "curl";
    const auto parsed = parse_members(
        to_json(session_view{row, true}),
        {"id", "user_agent", "created_at", "last_used_at", "expires_at", "is_current"});
    BOOST_TEST(parsed.at("is_current").get<bool>());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
