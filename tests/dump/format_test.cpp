// The format's lines and manifest. A failure of a golden text means that dumps which exist could no
// longer be restored, or others' programs no longer read ours: change the code back.
#include "tests/dump/dump_fixture.hpp"

namespace pinhole::storage::dump::test {

using nlohmann::json;
using namespace std::string_literals;

namespace {

const timestamp at = from_microseconds(1'795'334'700'123'456);
const timestamp later = from_microseconds(1'795'334'700'000'000);

template <class Row>
std::string line_of(const Row& row) {
    std::string line;
    append_dump_row(line, row);
    return line;
}

template <class Row>
std::string fields_of() {
    std::string names;
    for_each_dumped_field<Row>([&](const auto& f) {
        names += names.empty() ? "" : ", ";
        names += f.name;
    });
    return names;
}

manifest golden_manifest() {
    manifest m{.created_at = at, .server_version = "0.1.0", .media = {.files = 7, .bytes = 8}};
    std::uint64_t rows = 0;
    for (const char* name : {"users", "posts", "files", "comments", "likes"}) {
        m.entities[name] = {++rows, std::string(63, 'a') + std::to_string(rows)};
    }
    return m;
}

std::string golden_manifest_text() {
    const std::string sum(63, 'a');
    return R"({"format":"pinhole-dump","version":1,"created_at":"2026-11-22T08:05:00.123456Z",)"
           R"("server_version":"0.1.0","entities":{"users":{"rows":1,"sha256":")" +
           sum + R"(1"},"posts":{"rows":2,"sha256":")" + sum +
           R"(2"},"files":{"rows":3,"sha256":")" + sum + R"(3"},"comments":{"rows":4,"sha256":")" +
           sum + R"(4"},"likes":{"rows":5,"sha256":")" + sum +
           R"(5"}},"media":{"files":7,"bytes":8}})" + "\n";
}

/// What the refusal says; empty if it is taken.
std::string refusal(std::string_view text, unknown_members unknown = unknown_members::refuse) {
    const auto parsed = parse_manifest(text, unknown);
    return parsed ? "" : parsed.error().message;
}

std::string changed(const std::function<void(json&)>& change) {
    json tree = json::parse(golden_manifest_text());
    change(tree);
    return tree.dump();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(format)

BOOST_AUTO_TEST_CASE(each_entity_has_the_fields_that_the_format_says) {
    BOOST_TEST(fields_of<user>() ==
               "id, username, password, name, website, bio, is_staff, created_at, updated_at, "
               "is_deleted");
    BOOST_TEST(fields_of<post>() == "id, author, content, created_at, updated_at, is_deleted");
    BOOST_TEST(fields_of<file>() ==
               "id, post, position, type, url, content_type, size, width, height, sha256, "
               "created_at, updated_at, is_deleted");
    BOOST_TEST(fields_of<comment>() ==
               "id, post, author, content, created_at, updated_at, is_deleted");
    BOOST_TEST(fields_of<like>() == "id, post, user, created_at, updated_at, is_deleted");
}

BOOST_AUTO_TEST_CASE(entities_come_in_the_order_of_their_references) {
    std::string files;
    for_each_dumped([&]<class Row>() { files += file_name_of(schema<Row>::name) + " "; });
    BOOST_TEST(files == "users.jsonl posts.jsonl files.jsonl comments.jsonl likes.jsonl ");
    BOOST_TEST(is_dumped_entity("users"));
    BOOST_TEST(!is_dumped_entity("user"));
    BOOST_TEST(!is_dumped_entity("sessions"));
    BOOST_TEST(!is_dumped_entity(""));
}

BOOST_AUTO_TEST_CASE(golden_lines) {
    BOOST_TEST(
        line_of(user{.id = 9'007'199'254'740'993,
                     .username = "kim",
                     .password = "$argon2id$x",
                     .name = "Kim",
                     .website = "https://kim.example",
                     .bio = "hi",
                     .is_staff = true,
                     .created_at = at,
                     .updated_at = later,
                     .is_deleted = true,
                     .deleted_at = later}) ==
        R"({"id":"9007199254740993","username":"kim","password":"$argon2id$x","name":"Kim",)"
        R"("website":"https://kim.example","bio":"hi","is_staff":true,)"
        R"("created_at":"2026-11-22T08:05:00.123456Z","updated_at":"2026-11-22T08:05:00.000000Z",)"
        R"("is_deleted":true})"
        "\n");
    BOOST_TEST(line_of(post{.id = 3,
                            .author = {1},
                            .content = "sea",
                            .files = {{.id = 2, .post = {3}}},
                            .created_at = at,
                            .updated_at = at}) ==
               R"({"id":"3","author":"1","content":"sea",)"
               R"("created_at":"2026-11-22T08:05:00.123456Z",)"
               R"("updated_at":"2026-11-22T08:05:00.123456Z","is_deleted":false})"
               "\n");
    BOOST_TEST(line_of(file{.id = 2,
                            .post = {3},
                            .position = 4,
                            .type = "image",
                            .url = "/media/ab/cd.jpg",
                            .content_type = "image/jpeg",
                            .size = 9'007'199'254'740'993,
                            .width = 320,
                            .height = 240,
                            .sha256 = "5a",
                            .created_at = at,
                            .updated_at = at,
                            .is_deleted = true}) ==
               R"({"id":"2","post":"3","position":4,"type":"image","url":"/media/ab/cd.jpg",)"
               R"("content_type":"image/jpeg","size":9007199254740993,"width":320,"height":240,)"
               R"("sha256":"5a","created_at":"2026-11-22T08:05:00.123456Z",)"
               R"("updated_at":"2026-11-22T08:05:00.123456Z","is_deleted":true})"
               "\n");
    BOOST_TEST(line_of(comment{.id = 5,
                               .post = {3},
                               .author = {1},
                               .content = "n\xc3\xa9",
                               .created_at = at,
                               .updated_at = at,
                               .is_counted = true}) ==
               "{\"id\":\"5\",\"post\":\"3\",\"author\":\"1\",\"content\":\"n\xc3\xa9\","
               R"("created_at":"2026-11-22T08:05:00.123456Z",)"
               R"("updated_at":"2026-11-22T08:05:00.123456Z","is_deleted":false})"
               "\n");
    BOOST_TEST(line_of(like{.id = 6,
                            .post = {3},
                            .user = {1},
                            .created_at = at,
                            .updated_at = at,
                            .is_counted = true}) ==
               R"({"id":"6","post":"3","user":"1","created_at":"2026-11-22T08:05:00.123456Z",)"
               R"("updated_at":"2026-11-22T08:05:00.123456Z","is_deleted":false})"
               "\n");
    BOOST_TEST(line_of(like{}) ==
               R"({"id":"0","post":"0","user":"0","created_at":"1970-01-01T00:00:00.000000Z",)"
               R"("updated_at":"1970-01-01T00:00:00.000000Z","is_deleted":false})"
               "\n");
}

BOOST_AUTO_TEST_CASE(any_text_stays_on_its_line_and_comes_back) {
    const std::vector<std::string> texts{
        "",
        "바다 🌊 été",
        "\"quoted\" \\ back\\\\slash /",
        "line\nbreak\r\nand\ttab",
        "\x01\x02\x1b\x1f\x7f",
        "\xe2\x80\xa8 line and \xe2\x80\xa9 paragraph separators",
        "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 \xef\xbf\xbf \xf4\x8f\xbf\xbf",
        "{\"id\":\"1\"}\n",
        "nul \0 within"s,
    };
    for (const std::string& text : texts) {
        const std::string line = line_of(comment{.id = 1, .content = text});
        BOOST_TEST(line.find('\n') == line.size() - 1);
        BOOST_TEST(json::parse(line).at("content").get<std::string>() == text);
    }
}

BOOST_AUTO_TEST_CASE(random_texts_come_back) {
    const std::uint64_t seed = make_seed();
    BOOST_TEST_INFO_SCOPE("PINHOLE_TEST_SEED=" << seed);
    generator random{seed};
    for (int round = 0; round < 3000; ++round) {
        std::string text;
        for (std::size_t left = random.pick(40); left > 0; --left) {
            const std::u32string_view alphabet =
                U"\"\\/\b\f\n\r\t\x01\x1f\x7f\u0080\u07ff"
                U"\u0800\u2028\ud7ff\ue000\U00010000\U0010ffff az";
            const char32_t c = alphabet[random.pick(alphabet.size())];
            if (c < 0x80) {
                text += static_cast<char>(c);
            } else if (c < 0x800) {
                text += static_cast<char>(0xC0 | c >> 6);
                text += static_cast<char>(0x80 | (c & 0x3F));
            } else if (c < 0x10000) {
                text += static_cast<char>(0xE0 | c >> 12);
                text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
                text += static_cast<char>(0x80 | (c & 0x3F));
            } else {
                text += static_cast<char>(0xF0 | c >> 18);
                text += static_cast<char>(0x80 | (c >> 12 & 0x3F));
                text += static_cast<char>(0x80 | (c >> 6 & 0x3F));
                text += static_cast<char>(0x80 | (c & 0x3F));
            }
        }
        const std::string line = line_of(user{.id = 1, .bio = text});
        BOOST_REQUIRE(line.find('\n') == line.size() - 1);
        BOOST_REQUIRE(json::parse(line).at("bio").get<std::string>() == text);
    }
}

BOOST_AUTO_TEST_CASE(what_was_never_stored_is_not_dumped) {
    BOOST_CHECK_THROW(line_of(comment{.content = "\xff"}), corrupt_row);
    BOOST_CHECK_THROW(line_of(comment{.content = "\xed\xa0\x80"}), corrupt_row);
    BOOST_CHECK_THROW(line_of(like{.created_at = timestamp::max()}), corrupt_row);
    BOOST_CHECK_THROW(line_of(like{.updated_at = timestamp::min()}), corrupt_row);
}

BOOST_AUTO_TEST_CASE(a_golden_manifest_and_back) {
    BOOST_TEST(to_json(golden_manifest()) == golden_manifest_text());
    const auto parsed = parse_manifest(golden_manifest_text());
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST((*parsed == golden_manifest()));
}

BOOST_AUTO_TEST_CASE(a_manifest_without_some_entities_or_media) {
    const manifest none{.created_at = at, .server_version = "x"};
    const auto parsed = parse_manifest(to_json(none));
    BOOST_REQUIRE(parsed.has_value());
    BOOST_TEST((*parsed == none));
    manifest without_media = golden_manifest();
    without_media.media = {};
    const auto other = parse_manifest(changed([](json& m) { m.erase("media"); }));
    BOOST_REQUIRE(other.has_value());
    BOOST_TEST((*other == without_media));
}

BOOST_AUTO_TEST_CASE(a_manifest_that_is_not_one_is_refused) {
    using namespace std::string_view_literals;
    BOOST_TEST(refusal("").contains("not valid JSON"));
    BOOST_TEST(refusal("{").contains("not valid JSON"));
    BOOST_TEST(refusal("[]").contains("not a JSON object"));
    BOOST_TEST(refusal("null").contains("not a JSON object"));
    BOOST_TEST(refusal(golden_manifest_text() + "{}").contains("not valid JSON"));
    BOOST_TEST(refusal(golden_manifest_text() + "\0"s).contains("not valid JSON"));
    BOOST_TEST(refusal(std::string(manifest_bytes_max + 1, ' ')).contains("too long"));
    BOOST_TEST(refusal(std::string(60'000, '[')).contains("nested too deeply"));
    BOOST_TEST(refusal("{\"a\":" + std::string(10'000, '[')).contains("nested too deeply"));
    BOOST_TEST(refusal("{\"format\":\"\xff\"}").contains("not valid JSON"));
    std::string twice = golden_manifest_text();
    twice.insert(1, "\"version\":1,");
    BOOST_TEST(refusal(twice).contains("twice: version"));
    std::string deep = golden_manifest_text();
    deep.replace(deep.find("\"rows\":1"), 8, "\"rows\":1,\"rows\":1");
    BOOST_TEST(refusal(deep).contains("twice: rows"));
}

BOOST_AUTO_TEST_CASE(a_manifest_says_which_member_is_wrong) {
    const auto refused = [](std::string_view member, const std::function<void(json&)>& change) {
        const std::string text = changed(change);
        const std::string message = refusal(text);
        BOOST_TEST(message.contains(member), text << " -> " << message);
    };
    refused("format", [](json& m) { m["format"] = "other"; });
    refused("format", [](json& m) { m.erase("format"); });
    refused("version is 2", [](json& m) { m["version"] = 2; });
    for (const json& bad : {json(0), json(-1), json("1"), json(1.0), json(nullptr)}) {
        refused("version", [&](json& m) { m["version"] = bad; });
    }
    for (const char* name : {"version", "created_at", "server_version", "entities"}) {
        refused(name, [&](json& m) { m.erase(name); });
        refused(name, [&](json& m) { m[name] = json::array(); });
    }
    refused("created_at", [](json& m) { m["created_at"] = "yesterday"; });
    refused("created_at", [](json& m) { m["created_at"] = "2026-02-30T00:00:00Z"; });
    refused("created_at", [](json& m) { m["created_at"] = "9999-12-31T23:59:59-12:00"; });
    refused("server_version", [](json& m) { m["server_version"] = std::string(101, 'x'); });
    refused("entities.posts", [](json& m) { m["entities"]["posts"] = 5; });
    for (const json& bad : {json(-1), json("1"), json(1.5), json(18446744073709551615U)}) {
        refused("entities.users.rows", [&](json& m) { m["entities"]["users"]["rows"] = bad; });
        refused("media.bytes", [&](json& m) { m["media"]["bytes"] = bad; });
    }
    for (const std::string& bad : {""s, std::string(63, 'a'), std::string(64, 'A'),
                                   std::string(64, 'g'), std::string(65, 'a')}) {
        refused("entities.likes.sha256", [&](json& m) { m["entities"]["likes"]["sha256"] = bad; });
    }
    refused("entities.likes.sha256", [](json& m) { m["entities"]["likes"].erase("sha256"); });
    refused("media", [](json& m) { m["media"] = 1; });
    refused("media.files", [](json& m) { m["media"].erase("files"); });
}

BOOST_AUTO_TEST_CASE(unknown_members_are_refused_or_ignored) {
    const std::vector<std::function<void(json&)>> additions{
        [](json& m) { m["of_later"] = 1; },
        [](json& m) { m["entities"]["stories"] = {{"rows", 1}}; },
        [](json& m) { m["entities"]["users"]["of_later"] = nullptr; },
        [](json& m) { m["media"]["of_later"] = "x"; }};
    for (const auto& addition : additions) {
        const std::string text = changed(addition);
        BOOST_TEST(refusal(text).contains("unknown"));
        const auto parsed = parse_manifest(text, unknown_members::ignore);
        BOOST_REQUIRE(parsed.has_value());
        BOOST_TEST((*parsed == golden_manifest()));
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::dump::test
