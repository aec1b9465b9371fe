// The map's own text, and what of names and hashes is a matter of form alone.
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>

#include "storage/django/field_map.hpp"
#include "storage/django/passwords.hpp"
#include "storage/django/usernames.hpp"
#include "storage/schema/text_rule.hpp"
#include "storage/secrets.hpp"

namespace pinhole::storage::django::test {

BOOST_AUTO_TEST_SUITE(maps)

BOOST_AUTO_TEST_CASE(the_built_in_map_is_a_map_by_itself) {
    const auto parsed = parse_map(default_map_text());
    BOOST_REQUIRE(parsed.has_value());
    const field_map built_in = default_map();
    for (const section which : all_sections) {
        BOOST_TEST(parsed->of(which).model == built_in.of(which).model);
        BOOST_TEST(parsed->of(which).sources.size() == built_in.of(which).sources.size());
    }
    BOOST_TEST(built_in.of(section::post).source("content").fields.front() == "content");
    BOOST_TEST(built_in.of(section::user).source("name").is_joined);
}

BOOST_AUTO_TEST_CASE(what_a_map_does_not_say_stays_built_in) {
    const auto parsed = parse_map(R"(
[post]
model = "Photos.Photo"
author = { field = "owner", to = "profile" }
ignore = ["views"]
[comment]
created_at = { field = "at", value = "2020-01-01" }
)");
    BOOST_REQUIRE(parsed.has_value());
    const model_map& post = parsed->of(section::post);
    BOOST_TEST(post.model == "photos.photo");
    BOOST_TEST(post.source("author").is_profile);
    BOOST_TEST(post.source("content").fields.size() == 3U);
    BOOST_TEST(post.ignore.back() == "views");
    const field_source& at = parsed->of(section::comment).source("created_at");
    BOOST_TEST(at.fields.front() == "at");
    BOOST_TEST(at.constant.text == "2020-01-01");
}

BOOST_AUTO_TEST_CASE(what_is_no_map) {
    const std::pair<std::string, std::string> cases[] = {
        {"[post]\ncontent = ", "line 2: "},
        {"[posts]\n", "there is no section [posts]"},
        {"post = 1\n", "line 1: post must be a section"},
        {"[post]\ntitle = \"title\"\n", "line 2: [post] has no title"},
        {"[post]\ncontent = 5\n", "line 2: must be a text"},
        {"[post]\ncontent = [\"a\", 5]\n", "line 2: must be a text"},
        {"[post]\ncontent = { fields = \"a\" }\n", "there is no fields here"},
        {"[post]\ncontent = { field = \"a\", to = \"profile\" }\n", "there is no to here"},
        {"[post]\nauthor = { field = \"a\", to = \"dog\" }\n", "must be \"user\" or \"profile\""},
        {"[post]\nauthor = { to = \"profile\" }\n", "needs field, join or value"},
        {"[post]\nauthor = \"\"\n", "[post] needs author"},
        {"[user]\nmodel = \"\"\n", "[user] needs a model"},
        {"[post]\nmodel = \"api.like\"\n", "two sections have the model api.like"},
        {"[post]\ncontent = { value = 1.5 }\n", "must be a text, a whole number, true or false"},
        {"[format]\nutc_offset = \"9\"\n", "such as \"+09:00\""},
        {"[format]\nutc_offset = \"+24:00\"\n", "such as \"+09:00\""},
        {"[post]\n[post]\n", "line 2: "}};
    for (const auto& [text, says] : cases) {
        const auto parsed = parse_map(text);
        BOOST_TEST_INFO_SCOPE(text);
        BOOST_REQUIRE(!parsed);
        BOOST_TEST(parsed.error().message.contains(says), parsed.error().message);
    }
}

BOOST_AUTO_TEST_CASE(usernames_become_valid) {
    const std::pair<std::string, std::string> cases[] = {
        {"Kim", "kim"},
        {"kim@sea.org", "kim_sea.org"},
        {"José Núñez", "jose_nunez"},
        {".kim.", "kim"},
        {"a..b", "a.b"},
        {"", "user"},
        {"@@@", "user"},
        {"a+b-c", "a_b_c"},
        {"ß", "ss"},
        {std::string(150, 'k'), std::string(30, 'k')}};
    for (const auto& [name, valid] : cases) {
        BOOST_TEST(to_valid_username(name) == valid);
    }
    for (const std::string name :
         {"김철수", "ألف", "🌊", "\xff\xfe", "日本語", "....", "a.........b"}) {
        const std::string valid = to_valid_username(name);
        BOOST_TEST(!find_fault("username", username_rule, valid), valid);
        const std::string distinct =
            to_distinct_username(name, "0B0E5A4E-6a2c-4a52-9a5b-1d1a7a5f0002");
        BOOST_TEST(!find_fault("username", username_rule, distinct), distinct);
    }
    BOOST_TEST(to_distinct_username("kim.", "42") == "kim_42");
    BOOST_TEST(to_distinct_username(std::string(30, 'k'), "42").size() == 30U);
}

BOOST_AUTO_TEST_CASE(hashes_go_to_and_fro) {
    const std::string own = hash_password("correct horse");
    BOOST_TEST(to_django_password(own) == "argon2" + own);
    BOOST_TEST(to_pinhole_password("argon2" + own).value() == own);
    const std::string pbkdf2 =
        "pbkdf2_sha256$260000$sH3wFqt9nqLkv4bo9hHW7i$IcKgNtYyXaQsSLcX8lKQCmzLljkKclEPuGcj1oXg+Vw=";
    BOOST_TEST(to_pinhole_password(pbkdf2).value() == pbkdf2);
    BOOST_TEST(to_django_password(pbkdf2) == pbkdf2);
    BOOST_TEST(to_pinhole_password("!abc").value() == "!abc");
    BOOST_TEST(to_django_password("") == "!");
    for (const std::string unknown :
         {"", "md5$a$b", "bcrypt_sha256$$2b$12$x", "scrypt$1$2$3", "argon2$argon2i$v=19$m=1$a$b",
          "argon2$argon2id$v=19$m=102400,t=2,p=8$broken", "pbkdf2_sha256$99999999$a$b",
          "pbkdf2_sha1$1$a$b"}) {
        BOOST_TEST(!to_pinhole_password(unknown), unknown);
    }
    BOOST_TEST(!verify_password(to_unusable_password(own), "correct horse"));
    BOOST_TEST(to_unusable_password("a\nb") == "!");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::django::test
