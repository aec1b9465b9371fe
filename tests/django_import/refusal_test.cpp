// Fixtures that are wrong, and those with which an operator has to decide: what is said of them,
// and that nothing has changed.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "storage/base/unique_fd.hpp"
#include "tests/django_import/import_fixture.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

BOOST_FIXTURE_TEST_SUITE(refusals, import_fixture)

BOOST_AUTO_TEST_CASE(text_that_is_no_fixture) {
    const auto refuse_text = [&](std::string_view text, std::string_view says) {
        write_file(fixture, text);
        const admin_end end = admin(word());
        BOOST_TEST_INFO_SCOPE("it says: " << end.err);
        BOOST_TEST(end.exit_status == 1);
        BOOST_TEST(end.err.contains(says), "it does not say: " << says);
        BOOST_TEST(!std::filesystem::exists(data));
    };
    write_fixture();
    const std::string whole = read_file(fixture);
    // Cut in the middle of an object, behind one, and before the array's end.
    refuse_text(whole.substr(0, whole.find("low tide")), "fixture.json:5: is not JSON");
    refuse_text(whole.substr(0, whole.find("{\"fields\":{\"author\"")),
                "fixture.json:5: is not JSON");
    refuse_text(whole.substr(0, whole.rfind(']')), "is not JSON from here on, or is cut short");
    refuse_text(whole + "x", "has something behind its end");
    refuse_text(whole + std::string(1, '\0'), "has something behind its end");
    refuse_text(objects[0].dump() + "\n" + objects[1].dump().substr(0, 30), "fixture.json:2: ");
    refuse_text("", "is not JSON");
    refuse_text("7", "not an object");
    refuse_text("[[1]]", "not an object");
    refuse_text("[{\"model\":\"auth.user\",\"pk\":1,\"fields\":{\"username\":\"\xff\"}}]",
                "is not JSON");
    refuse_text("[" + std::string(100'000, '['), "not an object");
    refuse_text("[{\"a\":" + std::string(100'000, '['), "is not JSON");
    refuse_text("[{\"model\":\"auth.user\",\"pk\":1,\"fields\":{\"bio\":\"" +
                    std::string(std::size_t{17} << 20U, 'x') + "\"}}]",
                "longer than 16 MiB");
    refuse_text("{\"pk\":1,\"fields\":{}}", "has no model");
    refuse_text("{\"model\":\"auth.user\",\"pk\":1}", "auth.user 1: has no fields");
    refuse_text("\x1f\x8b\x08 no gzip", "compressed file is damaged");
}

BOOST_AUTO_TEST_CASE(objects_that_are_no_rows) {
    fields(4)["mood"] = 1;
    must_refuse("fixture.json:5: api.post 4: the field mood is not in the map");
    BOOST_TEST(run_import({"--ignore-unknown", "--dry-run"}).exit_status == 0);
    fields(4).erase("mood");

    object(4)["pk"] = nullptr;
    must_refuse("--natural-primary");
    object(4)["pk"] = {1};
    must_refuse("pk must be a number or a text");
    object(4)["pk"] = 4;
    fields(4)["author"] = {"kim"};
    must_refuse("api.post 4: author must be a primary key; if it is a list");
    fields(4)["author"] = nullptr;
    must_refuse("api.post 4: has no author (author, user)");
    fields(4)["author"] = 1;

    fields(4)["content"] = 5;
    must_refuse("api.post 4: content must be text");
    fields(4)["content"] = std::string(2201, 'x');
    must_refuse("api.post 4: content must be at most 2200 characters");
    fields(4)["content"] = std::string("a\0b", 3);
    must_refuse("api.post 4: content must not contain a NUL character");
    fields(4)["content"] = "";
    fields(4)["is_deleted"] = "perhaps";
    must_refuse("api.post 4: is_deleted must be true or false");
    fields(4)["is_deleted"] = false;
    fields(4)["created_at"] = "yesterday";
    must_refuse("api.post 4: created_at must be a time");
    fields(4)["created_at"] = "2091-01-01T00:00:00Z";
    must_refuse("api.post 4: created_at must be a time before 2090");
    fields(4)["created_at"] = "2025-01-01T00:00:00Z";
    fields(5)["position"] = "first";
    must_refuse("api.file 5: position must be a whole number");
    fields(5)["position"] = 0;
    fields(6)["content"] = "";
    must_refuse("fixture.json:7: api.comment 6: content must not be empty");
    fields(6)["content"] = "x";
    fields(3)["website"] = "javascript:alert(1)";
    must_refuse("auth.user 1: website must be an http");
    fields(3)["website"] = "";
    fields(1).erase("date_joined");
    must_refuse("auth.user 1: has no created_at");
}

BOOST_AUTO_TEST_CASE(rows_that_do_not_agree) {
    fields(4)["author"] = 9;
    must_refuse("fixture.json:5: api.post 4: its author 9 is not in the fixture");
    fields(4)["author"] = 1;
    fields(5)["post"] = 9;
    must_refuse("fixture.json:6: api.file 5: its post 9 is not in the fixture");
    fields(5)["post"] = 4;
    fields(6)["author"] = 9;
    must_refuse("fixture.json:7: api.comment 6: its author 9 is not in the fixture");
    fields(6)["author"] = 1;
    fields(7)["user"] = 9;
    must_refuse("fixture.json:8: api.like 7: its user 9 is not in the fixture");
    fields(7)["user"] = 1;
    fields(3)["user"] = 9;
    must_refuse("fixture.json:4: api.profile 3: its user 9 is not in the fixture");
    fields(3)["user"] = 1;

    copy(6, 6);
    must_refuse("fixture.json:9: api.comment 6: its primary key is that of the object on line 7");
    objects.pop_back();
    copy(3, 33);
    must_refuse("has another profile, too");
    objects.pop_back();
    copy(2, 8)["username"] = "KIM";
    must_refuse("fixture.json:9: auth.user 8: username KIM is that of 1 on line 2, too");
    objects.pop_back();
    for (int pk = 10; pk < 21; ++pk) {
        copy(5, pk)["position"] = pk;
    }
    must_refuse("api.post 4: has more than 10 files");
}

BOOST_AUTO_TEST_CASE(files_that_are_not_there_or_not_to_be_had) {
    write_file(at("secret.jpg"), sample_jpeg());
    std::filesystem::create_symlink(at("secret.jpg"), media / "link.jpg");
    std::filesystem::create_directory_symlink(directory.path(), media / "folder");
    write_file(media / "text.jpg", "no picture");
    write_file(media / "cut.jpg", sample_jpeg().substr(0, 1000));
    const std::pair<std::string, std::string> cases[] = {
        {"../secret.jpg", "../secret.jpg climbs out of its folder"},
        {"x/../../secret.jpg", "x/../../secret.jpg is not there"},
        {at("secret.jpg").string(), "is not a name below the media root"},
        {"link.jpg", "leads through a symbolic link"},
        {"folder/secret.jpg", "leads through a symbolic link"},
        {"absent.jpg", "absent.jpg is not there"},
        {"a.jpg/b", "is not there"},
        {"", "has no file"},
        {".", "is not a file"},
        {"text.jpg", "is of a type that is not accepted"},
        {"cut.jpg", "cut.jpg "},
        {std::string("a.jpg\0x", 7), "is not a name below the media root"}};
    for (const auto& [path, says] : cases) {
        fields(5)["file"] = path;
        must_refuse(says);
    }
    fields(5)["file"] = "absent.jpg";
    must_refuse("api.post 4: has no file that is good and not deleted");
    fields(5)["file"] = "a.jpg";
    fields(5)["is_deleted"] = true;
    must_refuse("api.post 4: has no file that is good and not deleted");
    fields(5)["is_deleted"] = false;
    write_fixture();
    check_end({"import-django", fixture.string()}, 1, "--media-root must say where");
    check_end({"import-django", fixture.string(), "--media-root", at("none").string()}, 3, "none");
}

BOOST_AUTO_TEST_CASE(a_post_without_good_files_can_be_left_out) {
    copy(4, 40);
    copy(5, 50)["post"] = 40;
    fields(9)["file"] = "absent.jpg";
    json& deleted = copy(5, 51);  // good, but its post is not
    deleted["post"] = 40;
    deleted["is_deleted"] = true;
    copy(6, 60)["post"] = 40;
    copy(7, 70)["post"] = 40;
    copy(5, 52)["file"] = "absent.png";  // of a post that has another
    const json told = must_import({"--skip-bad-files"});
    BOOST_TEST(told["files_skipped"] == 2);
    BOOST_TEST(told["posts_skipped"] == 1);
    BOOST_TEST(told["comments_skipped"] == 1);
    BOOST_TEST(told["likes_skipped"] == 1);
    BOOST_TEST(told["rows"]["posts"] == 1);
    BOOST_TEST(told["rows"]["files"] == 1);
    BOOST_TEST(told["rows"]["likes"] == 1);
    BOOST_TEST(must({"check", "--hash"}).contains("agree"));
}

BOOST_AUTO_TEST_CASE(a_hundred_faults_are_told_and_the_others_counted) {
    for (int pk = 100; pk < 250; ++pk) {
        copy(6, pk)["author"] = 9;
    }
    const admin_end end = run_import();
    BOOST_TEST(end.exit_status == 1);
    BOOST_TEST(end.err.contains("… and 50 more"));
    BOOST_TEST(std::ranges::count(end.err, '\n') == 102);
}

BOOST_AUTO_TEST_CASE(a_directory_with_rows_stays_as_it_is) {
    must_import();
    const auto before = tree_of(data);
    must_refuse("has rows");
    // The same again adds nothing, and what is new is added.
    BOOST_TEST(must_import({"--merge"})["rows_skipped"] == 6);
    copy(6, 60)["content"] = "and again";
    const json told = must_import({"--merge"});
    BOOST_TEST(told["rows_added"] == 1);
    BOOST_TEST(told["rows_skipped"] == 6);
    BOOST_TEST(rows("comments").size() == 2U);
    // What differs is told by where it stands.
    fields(6)["content"] = "another";
    const admin_end end = run_import({"--merge"});
    BOOST_TEST(end.exit_status == 1);
    BOOST_TEST(end.err.contains("fixture.json:7: api.comment 6: "), end.err);
}

BOOST_AUTO_TEST_CASE(killed_while_it_reads_it_leaves_nothing) {
    write_fixture();
    const std::string whole = read_file(fixture);
    std::filesystem::remove(fixture);
    make_empty();
    const auto before = tree_of(data / "db");
    BOOST_REQUIRE(::mkfifo(fixture.c_str(), 0600) == 0);
    {
        admin_process importing{on(data, word())};
        const unique_fd pipe{::open(fixture.c_str(), O_WRONLY | O_CLOEXEC)};
        const std::string half = whole.substr(0, whole.size() / 2);
        BOOST_REQUIRE(::write(pipe.get(), half.data(), half.size()) ==
                      static_cast<ssize_t>(half.size()));
        importing.send_signal(SIGKILL);
        BOOST_TEST(importing.wait().signal == SIGKILL);
    }
    BOOST_TEST((tree_of(data / "db") == before));
    std::filesystem::remove(fixture);
    BOOST_TEST(must_import()["rows"]["posts"] == 1);
}

BOOST_AUTO_TEST_CASE(what_it_is_called_with) {
    write_fixture();
    check_end({"import-django"}, 2, "FIXTURE");
    check_end({"import-django", at("none").string()}, 3, "cannot open");
    check_end(word({"--deleted-at", "tomorrow"}), 2, "--deleted-at");
    check_end(word({"--map", at("none").string()}), 1, "cannot read the map");
    write_file(at("ids"), "mine");
    check_end(word({"--id-map", at("ids").string()}), 1, "exists already");
    BOOST_TEST(read_file(at("ids")) == "mine");
    write_file(at("map.toml"), "[post]\ncontent = \"caption\"\nmodel = 5\n");
    check_end(word({"--map", at("map.toml").string()}), 1, "map.toml: line 3: must be a text");
    BOOST_TEST(!std::filesystem::exists(data));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
