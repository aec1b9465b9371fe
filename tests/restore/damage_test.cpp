// Dumps with one thing wrong: each is refused with the file and the line, and the target stays as
// it was, byte for byte.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <nlohmann/json.hpp>

#include "tests/restore/restore_fixture.hpp"

namespace pinhole::storage::test {

namespace {

using nlohmann::ordered_json;

struct damage_fixture : restore_fixture {
    damage_fixture() : restore_fixture(4, 10) {
        // A target in use but without rows, so that there is something to leave alone.
        const database made{options_for(target)};
    }

    /// A copy of the good dump, with the lines of one file changed and the manifest agreeing.
    fs::path with_lines(const std::string& file,
                        const std::function<void(std::vector<std::string>&)>& change) {
        const fs::path made = at("damaged " + std::to_string(++copies));
        fs::copy(dump, made, fs::copy_options::recursive);
        auto lines = lines_of(made / file);
        BOOST_REQUIRE(lines.size() >= 3U);
        change(lines);
        write_lines(made / file, lines);
        seal(made);
        return made;
    }
    /// With the second line's JSON changed.
    fs::path with_row(const std::string& file, const std::function<void(ordered_json&)>& change) {
        return with_lines(file, [&](std::vector<std::string>& lines) {
            auto row = ordered_json::parse(lines[1]);
            change(row);
            lines[1] = row.dump();
        });
    }
    void must_refuse_row(const std::string& file, const std::function<void(ordered_json&)>& change,
                         std::string_view problem) {
        must_refuse(with_row(file, change), target, file + ":2", problem);
    }
    void must_refuse_line(const std::string& line, std::string_view problem) {
        must_refuse(
            with_lines("comments.jsonl", [&](std::vector<std::string>& lines) { lines[1] = line; }),
            target, "comments.jsonl:2", problem);
    }

    int copies = 0;
};

/// The last row takes this field of the first.
auto copy_to_last(const std::string& field) {
    return [field](std::vector<std::string>& lines) {
        auto row = ordered_json::parse(lines.back());
        row[field] = ordered_json::parse(lines.front())[field];
        lines.back() = row.dump();
    };
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(damage, damage_fixture)

/// Or none of the others shows anything.
BOOST_AUTO_TEST_CASE(a_copy_that_is_not_damaged_restores) {
    must_restore(with_lines("likes.jsonl", [](auto&) {}), target);
}

BOOST_AUTO_TEST_CASE(ids_are_unique_and_in_order) {
    for (const char* file :
         {"users.jsonl", "posts.jsonl", "files.jsonl", "comments.jsonl", "likes.jsonl"}) {
        must_refuse(with_lines(file,
                               [](std::vector<std::string>& lines) {
                                   lines.insert(lines.begin(), lines[0]);
                               }),
                    target, std::string{file} + ":2", "comes twice");
        must_refuse(
            with_lines(file,
                       [](std::vector<std::string>& lines) { std::swap(lines[0], lines[1]); }),
            target, std::string{file} + ":2", "is not above the one before it");
    }
}

BOOST_AUTO_TEST_CASE(names_urls_and_likes_are_unique) {
    const auto last = [&](const char* file) {
        return std::string{file} + ':' + std::to_string(lines_of(dump / file).size());
    };
    must_refuse(with_lines("users.jsonl", copy_to_last("username")), target, last("users.jsonl"),
                "username is that of the user on line 1");
    must_refuse(with_lines("files.jsonl", copy_to_last("url")), target, last("files.jsonl"),
                "url is that of the file on line 1");
    must_refuse(with_lines("likes.jsonl",
                           [](std::vector<std::string>& lines) {
                               copy_to_last("post")(lines);
                               copy_to_last("user")(lines);
                           }),
                target, last("likes.jsonl"), "are those of the like on line 1");
}

BOOST_AUTO_TEST_CASE(references_lead_to_rows) {
    for (const auto& [file, field] : {std::pair{"posts.jsonl", "author"},
                                      {"files.jsonl", "post"},
                                      {"comments.jsonl", "post"},
                                      {"comments.jsonl", "author"},
                                      {"likes.jsonl", "post"},
                                      {"likes.jsonl", "user"}}) {
        must_refuse_row(file, [&](auto& row) { row[field] = "12345"; }, "12345 is not in ");
    }
    must_refuse(with_lines("users.jsonl", [](std::vector<std::string>& lines) { lines.clear(); }),
                target, "posts.jsonl:1", "is not in users.jsonl");
}

BOOST_AUTO_TEST_CASE(files_fit_their_posts) {
    const auto parent = ordered_json::parse(lines_of(dump / "files.jsonl")[0])["post"];
    must_refuse(with_lines("files.jsonl",
                           [&](std::vector<std::string>& lines) {
                               for (std::string& line : lines) {
                                   auto row = ordered_json::parse(line);
                                   row["post"] = parent;
                                   row["position"] = 3;
                                   row["is_deleted"] = false;
                                   line = row.dump();
                               }
                           }),
                target, "files.jsonl:2", "has another file at position 3");
    must_refuse(with_lines("files.jsonl",
                           [&](std::vector<std::string>& lines) {
                               for (std::string& line : lines) {
                                   auto row = ordered_json::parse(line);
                                   row["is_deleted"] = row["post"] == parent || row["is_deleted"];
                                   line = row.dump();
                               }
                           }),
                target, "posts.jsonl:1", "has no file that is not deleted");
    must_refuse(with_lines("files.jsonl",
                           [&](std::vector<std::string>& lines) {
                               auto row = ordered_json::parse(lines.back());
                               row["post"] = parent;
                               row["is_deleted"] = false;
                               const auto id = std::stoll(row["id"].get<std::string>());
                               for (int i = 1; i <= 11; ++i) {
                                   row["id"] = std::to_string(id + i);
                                   row["position"] = 100 + i;
                                   row["url"] = "/media/more/" + std::to_string(i) + ".jpg";
                                   lines.push_back(row.dump());
                               }
                           }),
                target, "posts.jsonl:1", "has more than 10 files");
}

BOOST_AUTO_TEST_CASE(fields_have_their_types_and_limits) {
    const auto set = [](const char* field, ordered_json value) {
        return [field, value](ordered_json& row) { row[field] = value; };
    };
    must_refuse_row("users.jsonl", set("id", 7), "id must be an id");
    must_refuse_row("users.jsonl", set("id", "0"), "id must be an id");
    must_refuse_row("users.jsonl", set("id", "007"), "id must be an id");
    must_refuse_row("users.jsonl", set("id", "-7"), "id must be an id");
    must_refuse_row("users.jsonl", set("id", "9223372036854775808"), "id must be an id");
    must_refuse_row("users.jsonl", set("id", "9223372036854775807"), "beyond what any clock");
    must_refuse_row("users.jsonl", set("name", 7), "name must be text");
    must_refuse_row("users.jsonl", set("name", nullptr), "name must be text");
    must_refuse_row("users.jsonl", set("name", ordered_json::array({"a"})), "name must be text");
    must_refuse_row("users.jsonl", set("is_staff", 1), "is_staff must be true or false");
    must_refuse_row("users.jsonl", set("is_deleted", "true"), "is_deleted must be true or false");
    must_refuse_row("users.jsonl", set("created_at", "yesterday"), "created_at must be a time");
    must_refuse_row("users.jsonl", set("created_at", "2026-02-30T00:00:00Z"), "must be a time");
    must_refuse_row("users.jsonl", set("created_at", "2026-02-03"), "must be a time");
    must_refuse_row("users.jsonl", set("created_at", 1), "must be a time");
    must_refuse_row("users.jsonl", set("username", ""), "username must not be empty");
    must_refuse_row("users.jsonl", set("username", "Kim"), "username may hold a-z");
    must_refuse_row("users.jsonl", set("username", std::string(31, 'a')), "at most 30");
    must_refuse_row("users.jsonl", set("name", std::string(65, 'a')), "name must be at most 64");
    must_refuse_row("users.jsonl", set("bio", std::string("a\0b", 3)), "NUL");
    must_refuse_row("users.jsonl", set("website", "javascript:alert(1)"), "website must be");
    must_refuse_row("users.jsonl", set("password", "a long password"), "password must be a hash");
    must_refuse_row("posts.jsonl", set("content", std::string(2'201, 'a')), "at most 2200");
    must_refuse_row("comments.jsonl", set("content", ""), "content must not be empty");
    must_refuse_row("files.jsonl", set("size", "7"), "size must be an integer");
    must_refuse_row("files.jsonl", set("size", 7.5), "size must be an integer");
    must_refuse_row("files.jsonl", set("size", 18446744073709551615ULL), "must be an integer");
    must_refuse_row("files.jsonl", set("width", -1), "width must not be negative");
    must_refuse_row("files.jsonl", set("type", "sound"), "type must be image or video");
    must_refuse_row("files.jsonl", set("url", "/media/../secret.key"), "url must be");
    must_refuse_row("files.jsonl", set("url", "https://example.org/a.jpg"), "url must be");
    must_refuse_row("files.jsonl", set("sha256", "ABC"), "sha256 must be");
    must_refuse_row("files.jsonl", set("content_type", "a\r\nb"), "content_type must be");
}

BOOST_AUTO_TEST_CASE(fields_are_there_and_known) {
    for (const char* field : {"id", "post", "author", "created_at"}) {
        must_refuse_row("comments.jsonl", [&](auto& row) { row.erase(field); }, "is missing");
    }
    const auto add = [](ordered_json& row) { row["mood"] = {{"deep", {1, 2, {{"deeper", 3}}}}}; };
    must_refuse_row("comments.jsonl", add, "mood is a field that this version does not know");
    // What the API shows and no dump has.
    must_refuse_row("posts.jsonl", [](auto& row) { row["like_count"] = 7; }, "does not know");
    must_refuse_row("users.jsonl", [](auto& row) { row["deleted_at"] = nullptr; }, "does not know");
    must_restore(with_row("comments.jsonl", add), target, {.ignore_unknown = true});
}

BOOST_AUTO_TEST_CASE(lines_are_json_objects) {
    const std::string good = lines_of(dump / "comments.jsonl")[1];
    must_refuse_line("", "is not JSON");
    must_refuse_line("[]", "is not a JSON object");
    must_refuse_line("7", "is not a JSON object");
    must_refuse_line(good + " x", "is not JSON at byte");
    must_refuse_line(good + good, "is not JSON at byte");
    must_refuse_line(good.substr(0, good.size() - 1), "is not JSON at byte");
    must_refuse_line(good + std::string(1, '\0') + "x", "has a NUL character");
    must_refuse_line(std::string{good}.insert(1, "\"id\":\"1\","), "the field id comes twice");
    must_refuse_line(std::string{good}.replace(good.find("content") + 10, 1, "\xff"),
                     "is not JSON at byte");
    must_refuse_line(std::string(300'000, ' '), "is longer than any row can be");
    must_refuse_line(std::string(3'000'000, '['), "is longer than any row can be");
    must_refuse_line(std::string(200'000, '['), "is not");
    std::string many = "{";
    for (int i = 0; i < 10'000; ++i) {
        many += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":0";
    }
    must_refuse_line(many + "}", "has more fields than any row");
}

BOOST_AUTO_TEST_CASE(a_file_ends_with_an_end_of_line) {
    const fs::path made = at("cut");
    fs::copy(dump, made, fs::copy_options::recursive);
    const std::string bytes = bytes_of(made / "likes.jsonl");
    write_bytes(made / "likes.jsonl", std::string_view{bytes}.substr(0, bytes.size() - 1));
    seal(made);
    must_refuse(made, target, "likes.jsonl:" + std::to_string(std::ranges::count(bytes, '\n')),
                "is cut short: it has no end of line");
}

BOOST_AUTO_TEST_CASE(the_manifest_agrees_with_what_is_there) {
    const auto with_manifest = [&](const std::function<void(ordered_json&)>& change) {
        const fs::path made = with_lines("users.jsonl", [](auto&) {});
        auto manifest = ordered_json::parse(bytes_of(made / "manifest.json"));
        change(manifest);
        write_bytes(made / "manifest.json", manifest.dump());
        return made;
    };
    must_refuse(with_manifest([](auto& all) { all["entities"]["likes"]["rows"] = 1; }), target,
                "likes.jsonl", "rows, and the manifest 1");
    must_refuse(
        with_manifest([](auto& all) { all["entities"]["likes"]["sha256"] = std::string(64, '0'); }),
        target, "likes.jsonl", "has another SHA-256");
    must_refuse(with_manifest([](auto& all) { all["entities"].erase("likes"); }), target,
                "likes.jsonl", "the manifest has nothing of it");
    must_refuse(with_manifest([](auto& all) { all["media"]["files"] = 1; }), target, "media/",
                "and the manifest says 1");
    must_refuse(with_manifest([](auto& all) { all["media"]["bytes"] = 1; }), target, "media/",
                "of 1");
    must_refuse(with_manifest([](auto& all) { all["version"] = 2; }), target, "manifest.json", "");
    must_refuse(with_manifest([](auto& all) { all["format"] = "tar"; }), target, "manifest.json",
                "");
    const fs::path lacking = with_lines("users.jsonl", [](auto&) {});
    fs::remove(lacking / "comments.jsonl");
    must_refuse(lacking, target, "comments.jsonl", "is missing, and the manifest has it");
    const fs::path without = with_lines("users.jsonl", [](auto&) {});
    fs::remove(without / "manifest.json");
    must_refuse(without, target, "manifest.json", "is missing");
    must_restore(without, target, {.no_manifest = true});
}

/// The sums alone find it.
BOOST_AUTO_TEST_CASE(a_flipped_bit_is_found) {
    for (int i = 0; i < 30; ++i) {
        const fs::path made = with_lines("users.jsonl", [](auto&) {});
        const fs::path file =
            made / std::array{"users.jsonl", "posts.jsonl", "files.jsonl", "comments.jsonl",
                              "likes.jsonl"}[source.random().pick(5)];
        std::string bytes = bytes_of(file);
        bytes[source.random().pick(bytes.size())] ^=
            static_cast<char>(1U << source.random().pick(8));
        write_bytes(file, bytes);
        must_refuse(made, target, file.filename(), "has another SHA-256");
    }
}

BOOST_AUTO_TEST_CASE(the_first_hundred_faults_are_kept_and_all_are_counted) {
    const fs::path made = with_lines("users.jsonl", [](std::vector<std::string>& lines) {
        lines.assign(1'000, "\x1b[2J no JSON");
    });
    const auto report = restore_dump(made, target);
    BOOST_REQUIRE(report.has_value());
    BOOST_TEST(report->faults.kept().size() == dump::faults_kept_max);
    BOOST_TEST(report->faults.total() > 1'000U);
    BOOST_TEST(!faults_of(*report).contains('\x1b'));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
