// Apps that are not the built-in map's: other names, keys and types, and the ways out of what
// Pinhole does not take as it is.
#include <algorithm>
#include <set>

#include "storage/base/id.hpp"
#include "storage/django/usernames.hpp"
#include "storage/schema/text_rule.hpp"
#include "tests/django_import/import_fixture.hpp"
#include "tests/support/exiftool.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

json by(const std::vector<json>& rows, const char* field, const json& value) {
    for (const json& row : rows) {
        if (row[field] == value) {
            return row;
        }
    }
    BOOST_FAIL("there is no row whose " << field << " is " << value);
    return {};
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(other_apps, import_fixture)

BOOST_AUTO_TEST_CASE(profiles_as_authors_photos_in_posts_and_uuids) {
    const std::string profile = "0b0e5a4e-6a2c-4a52-9a5b-1d1a7a5f0001";
    const std::string post = "0b0e5a4e-6a2c-4a52-9a5b-1d1a7a5f0002";
    const json user = objects[0];
    objects = {user};
    objects.push_back({{"model", "gram.person"},
                       {"pk", profile},
                       {"fields", {{"account", 1}, {"about", "바다"}, {"colour", "red"}}}});
    objects.push_back({{"model", "gram.Photo"},
                       {"pk", post},
                       {"fields",
                        {{"owner", profile},
                         {"caption", "<b>low</b> tide"},
                         {"image", "a.jpg"},
                         {"taken", "2025-06-01T09:30:00"},
                         {"removed_at", "2025-06-02T00:00:00"}}}});
    objects.push_back(
        {{"model", "gram.heart"}, {"pk", 1}, {"fields", {{"photo", post}, {"by", profile}}}});
    objects.push_back({{"model", "gram.tag"}, {"pk", 1}, {"fields", {{"x", {{"y", {1, 2}}}}}}});
    write_file(at("map.toml"), R"(
[profile]
model = "gram.person"
user = "account"
name = ""
website = { value = "https://example.com/" }
bio = "about"
ignore = ["colour"]
[post]
model = "gram.photo"
author = { field = "owner", to = "profile" }
content = "caption"
file = "image"
created_at = "taken"
updated_at = "removed_at"
is_deleted = "removed_at"
[file]
model = ""
[comment]
model = ""
[like]
model = "gram.heart"
post = "photo"
user = { field = "by", to = "profile" }
[format]
utc_offset = "+09:00"
)");
    const json told = must_import(
        {"--map", at("map.toml").string(), "--new-ids", "--id-map", at("ids").string()});
    BOOST_TEST(told["models_skipped"] == (json{{"gram.tag", 1}}));
    const json kim = rows("users").at(0);
    BOOST_TEST(kim["name"] == "Ada Low");
    BOOST_TEST(kim["bio"] == "바다");
    BOOST_TEST(kim["website"] == "https://example.com/");
    const json row = rows("posts").at(0);
    BOOST_TEST(row["content"] == "<b>low</b> tide");
    BOOST_TEST(row["author"] == kim["id"]);
    BOOST_TEST(row["created_at"] == "2025-06-01T00:30:00.000000Z");
    BOOST_TEST(row["is_deleted"] == true);
    BOOST_TEST(row["updated_at"] == "2025-06-01T15:00:00.000000Z");
    BOOST_TEST(rows("files").at(0)["created_at"] == row["created_at"]);
    BOOST_TEST(rows("likes").at(0)["created_at"] == row["created_at"]);
    BOOST_TEST(read_file(at("ids")).contains("{\"model\":\"gram.photo\",\"pk\":\"" + post +
                                             "\",\"id\":" + row["id"].dump() + "}\n"));
    for (const auto& [path, bytes] : tree_of(data / "media" / "public")) {
        BOOST_TEST(bytes == "", path);  // folders alone: the post is deleted
    }
    BOOST_TEST(must({"check", "--hash"}).contains("agree"));
}

BOOST_AUTO_TEST_CASE(names_that_are_not_ours) {
    fields(1)["username"] = "Kim@Example.com";
    fields(2)["username"] = "김철수";
    const std::string long_name(150, 'k');
    const std::string names[] = {
        "kim_example.com", "LEE", "lee", long_name, long_name + "2", "..", "@@@",
        "José.Núñez",      "kim"};
    for (int i = 0; i < 9; ++i) {
        copy(2, 100 + i)["username"] = names[i];
    }
    must_refuse("Change it there, or give --rename-users");
    const json told = must_import({"--rename-users"});
    BOOST_TEST(told["users_renamed"] == 8);
    std::set<std::string> given;
    for (const json& row : rows("users")) {
        const auto name = row["username"].get<std::string>();
        BOOST_TEST(!storage::find_fault("username", storage::username_rule, name), name);
        BOOST_TEST(given.insert(name).second, name);
    }
    // Who has a name that is ours keeps it, whoever else comes to want it.
    const auto users = rows("users");
    for (const char* kept : {"kim", "lee", "kim_example.com", "jose.nunez"}) {
        BOOST_TEST(given.contains(kept), kept);
    }
    BOOST_TEST(given.contains("kim_example.com_1"));
    BOOST_TEST(given.contains("lee_102"));
}

BOOST_AUTO_TEST_CASE(ids_keep_the_order_and_do_not_depend_on_that_of_the_fixture) {
    for (int pk = 200; pk < 1500; ++pk) {
        copy(6, pk)["created_at"] = pk % 2 == 0 ? "2019-01-01T00:00:00Z" : "2025-01-01T00:00:00Z";
    }
    must_import({"--new-ids", "--id-map", at("ids").string()});
    const auto comments = rows("comments");
    std::string before;
    for (const json& row : comments) {  // by their ids
        BOOST_TEST_REQUIRE(row["created_at"].get<std::string>() >= before);
        before = row["created_at"].get<std::string>();
    }
    // From before 2024, where ids do not begin yet, there are as many as are wanted.
    BOOST_TEST(comments.front()["created_at"] == "2019-01-01T00:00:00.000000Z");
    std::ranges::reverse(objects);
    std::filesystem::rename(data, at("before"));
    must_import({"--new-ids", "--id-map", at("ids again").string()});
    BOOST_TEST((rows("comments") == comments));
    BOOST_TEST(read_file(at("ids again")) == read_file(at("ids")));
}

BOOST_AUTO_TEST_CASE(primary_keys_stay_ids) {
    must_import();
    BOOST_TEST(rows("posts").at(0)["id"] == "4");
    BOOST_TEST(rows("likes").at(0)["post"] == "4");
    BOOST_TEST(rows("likes").at(0)["user"] == "2");
    start();
    api_client client{port};
    client.adopt(parse(
        client.post("/api/v1/auth/signup", json{{"username", "new"}, {"password", "long enough"}}),
        201));
    BOOST_TEST(client.get_json("/api/v1/posts/4")["like_count"] == 1);
    const json made = create_post(client);
    BOOST_TEST(std::stoll(made["id"].get<std::string>()) > 1'000'000);
    stop();
    std::filesystem::rename(data, at("before"));
    object(6)["pk"] = "six";
    must_refuse("api.comment six: its primary key is no positive whole number");
}

BOOST_AUTO_TEST_CASE(a_like_given_twice_counts_once) {
    copy(7, 70)["created_at"] = "2026-01-01T00:00:00Z";
    json& taken_back = copy(7, 71);  // earlier, and no like any more
    taken_back["created_at"] = "2020-01-01T00:00:00Z";
    taken_back["is_deleted"] = true;
    const json told = must_import();
    BOOST_TEST(told["likes_repeated"] == 2);
    BOOST_TEST(rows("likes").size() == 1U);
    BOOST_TEST(rows("likes").at(0)["created_at"] ==
               fields(7)["created_at"].get<std::string>().insert(23, "000"));
}

BOOST_AUTO_TEST_CASE(files_come_in_like_uploads) {
    const std::string there =
        with_tags(sample_jpeg(), "jpg", "-GPSLatitude=48.8 -GPSLatitudeRef=N");
    BOOST_REQUIRE(!find_positions(there).empty());
    write_file(media / "b c/바다.png", there);  // whatever its name says
    fields(5)["file"] = "b c/바다.png";
    const json deleted_at = "2026-11-01T00:00:00Z";
    copy(5, 50)["file"] = "b.png";
    fields(8)["is_deleted"] = true;
    must_import({"--deleted-at", deleted_at.get<std::string>()});
    const json row = by(rows("files"), "is_deleted", false);
    BOOST_TEST(row["type"] == "image");
    BOOST_TEST(row["content_type"] == "image/jpeg");
    BOOST_TEST(row["width"] == sample_width);
    const auto path = data / "media" / "public" / row["url"].get<std::string>().substr(7);
    const std::string bytes = read_file(path);
    BOOST_TEST(find_positions(bytes) == "");
    BOOST_TEST(bytes.size() == row["size"].get<std::size_t>());
    const json hidden = by(rows("files"), "is_deleted", true);
    BOOST_TEST(hidden["updated_at"] == "2026-11-01T00:00:00.000000Z");
    BOOST_TEST(hidden["position"] != row["position"]);
    BOOST_TEST(std::filesystem::exists(data / "media" / "hidden" /
                                       hidden["url"].get<std::string>().substr(7)));
    BOOST_TEST(must({"check", "--hash"}).contains("agree"));
}

BOOST_AUTO_TEST_CASE(a_dry_run_changes_nothing_and_gives_the_ids) {
    const json told = must_import({"--dry-run", "--id-map", at("ids").string()});
    BOOST_TEST(told["is_done"] == false);
    BOOST_TEST(told["rows"]["users"] == 2);
    BOOST_TEST(!std::filesystem::exists(data));
    must_import({"--id-map", at("later").string()});
    BOOST_TEST(read_file(at("ids")) == read_file(at("later")));
}

BOOST_AUTO_TEST_CASE(one_object_a_line_and_compressed_and_from_standard_input) {
    std::string lines;
    for (const json& each : objects) {
        lines += each.dump() + "\n";
    }
    std::vector<std::string> from_input = word();
    from_input[1] = "-";
    must(from_input, lines);
    const auto users = rows("users");
    BOOST_TEST(users.size() == 2U);
    std::filesystem::rename(data, at("before"));
    write_file(fixture, "\xEF\xBB\xBF" + lines);
    BOOST_TEST(std::system(("gzip '" + fixture.string() + "'").c_str()) == 0);
    must({"import-django", fixture.string() + ".gz", "--media-root", media.string()});
    BOOST_TEST((rows("users") == users));
    std::filesystem::rename(data, at("before that"));
    const std::string gzip = read_file(fixture.string() + ".gz");
    write_file(fixture.string() + ".gz", gzip.substr(0, gzip.size() - 20));
    check_end({"import-django", fixture.string() + ".gz"}, 1, "cut short");
}

BOOST_AUTO_TEST_CASE(what_an_export_cannot_say) {
    fields(6)["is_deleted"] = true;
    must_import();
    write_file(at("map.toml"), "[comment]\nis_deleted = \"\"\n");
    const std::vector<std::string> word{"export-django", "--map", at("map.toml").string(),
                                        at("out.json").string()};
    check_end(word, 1, "is deleted, and the map has no field for that");
    BOOST_TEST(!std::filesystem::exists(at("out.json")));
    auto alive = word;
    alive.insert(alive.end(), {"--only", "alive"});
    must(alive);
    const json objects_out = json::parse(read_file(at("out.json")));
    BOOST_TEST(objects_out.size() == 7U);
    BOOST_TEST(objects_out[0]["model"] == "auth.user");
    BOOST_TEST(objects_out[0]["pk"].is_number());
    check_end(alive, 1, "exists already");
    check_end({"export-django", at("out2.json").string(), "--media-root", media.string()}, 1,
              "exists already");
    BOOST_TEST(!std::filesystem::exists(at("out2.json")));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
