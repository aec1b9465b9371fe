// A real Django at both ends: what it dumps is imported and served, its users log in, and what
// export-django writes is loaded by it again.
#include <atomic>
#include <map>

#include "tests/django_import/django_app.hpp"
#include "tests/django_import/import_fixture.hpp"
#include "tests/storage/storage_fixture.hpp"
#include "tests/support/media_samples.hpp"

namespace pinhole::test {

namespace {

struct with_django : import_fixture {
    with_django() {
        write_file(at("samples/a.jpg"), sample_jpeg());
        write_file(at("samples/b.png"), sample_png());
        write_file(at("samples/c.mp4"), sample_mp4());
        std::filesystem::remove_all(media);
        BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed);
        run_django_app({"make", here(), std::to_string(seed)});
        passwords = json::parse(read_file(at("passwords.json")));
    }

    std::string here() const { return directory.path().string(); }
    json import_from(const std::string& name, std::vector<std::string> options = {}) const {
        std::vector<std::string> all{"import-django", at(name).string(), "--media-root",
                                     media.string()};
        all.insert(all.end(), options.begin(), options.end());
        return must_json(all);
    }
    std::string dump_to(const std::string& name) const {
        must({"dump", at(name).string()});
        return at(name).string();
    }
    std::string hash_of(const std::string& dump, const std::string& username) const {
        for (const json& row : read_rows(dump, "users")) {
            if (row["username"] == username) {
                return row["password"].get<std::string>();
            }
        }
        return "there is no " + username;
    }
    unsigned log_in(const std::string& username, const std::string& password) const {
        api_client client{port};
        return try_login(client, username, password);
    }

    std::uint64_t seed = storage::test::make_seed();
    json passwords;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(round_trips, with_django, *boost::unit_test::precondition(has_django_app))

BOOST_AUTO_TEST_CASE(all_of_an_app_comes_over_and_goes_back) {
    const json told = import_from("fixture.json", {"--id-map", at("ids").string()});
    BOOST_TEST(told["rows"]["users"] == 16);
    BOOST_TEST(told["rows"]["likes"] == 120);
    BOOST_TEST(told["likes_repeated"] == 1);
    BOOST_TEST(told["passwords_unusable"] == 1);
    BOOST_TEST(told["models_skipped"]["sessions.session"] == 1);
    const std::string imported = dump_to("imported");
    BOOST_TEST(run_django_app({"compare", here(), imported, at("ids").string()}) == "");
    BOOST_TEST(must({"check", "--hash"}).contains("agree"));

    // The other form gives the same, byte for byte, also where it is there already.
    BOOST_TEST(import_from("fixture.jsonl", {"--merge"})["rows_added"] == 0);

    const auto password_of = [&](const char* name) { return passwords[name].get<std::string>(); };
    start();
    BOOST_TEST(hash_of(imported, "kim").starts_with("pbkdf2_sha256$"));
    for (const char* name : {"kim", "Lee", "ari"}) {
        const std::string password = password_of(std::string_view{name} == "Lee" ? "lee" : name);
        BOOST_TEST(log_in(name, password + "x") == 401U);
        BOOST_TEST(log_in(name, password) == 200U);
        BOOST_TEST(log_in(name, password) == 200U);
        BOOST_TEST(log_in(name, password + "x") == 401U);
    }
    for (const char* name : {"nobody", "md5", "banned"}) {
        const std::string password = password_of(std::string_view{name} == "md5" ? "md5" : "kim");
        BOOST_TEST(log_in(name, password) == 401U);
        BOOST_TEST(log_in(name, "") != 200U);
        api_client client{port};
        BOOST_TEST(
            client.post("/api/v1/auth/restore", json{{"username", name}, {"password", password}})
                .status == 401U);
    }
    const std::string now = dump_to("logged in");
    for (const char* name : {"kim", "lee", "ari"}) {
        BOOST_TEST(hash_of(now, name).starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }
    BOOST_TEST(hash_of(now, "user_1").starts_with("pbkdf2_sha256$"));

    must({"export-django", at("exported.json").string(), "--media-root",
          at("exported media").string()});
    stop();
    BOOST_TEST(run_django_app({"load", here(), at("exported.json").string(), now}) == "");
}

BOOST_AUTO_TEST_CASE(photos_are_served_and_deleted_ones_are_not) {
    import_from("fixture.jsonl");
    const std::string dump = dump_to("imported");
    std::map<std::string, bool> is_shown;  // of posts
    std::map<std::string, bool> is_alive;  // of users
    for (const json& row : read_rows(dump, "users")) {
        is_alive[row["id"].get<std::string>()] = !row["is_deleted"].get<bool>();
    }
    for (const json& row : read_rows(dump, "posts")) {
        is_shown[row["id"].get<std::string>()] =
            !row["is_deleted"].get<bool>() && is_alive[row["author"].get<std::string>()];
    }
    start();
    api_client client{port};
    std::size_t served = 0;
    for (const json& row : read_rows(dump, "files")) {
        const bool shown =
            is_shown[row["post"].get<std::string>()] && !row["is_deleted"].get<bool>();
        const auto answer = client.get(row["url"].get<std::string>());
        BOOST_TEST(answer.status == (shown ? 200U : 404U));
        if (shown) {
            ++served;
            BOOST_TEST(answer.body.size() == row["size"].get<std::size_t>());
            BOOST_TEST(answer.header("content-type") == row["content_type"].get<std::string>());
        }
    }
    BOOST_TEST(served > 0U);
    stop();
}

BOOST_AUTO_TEST_CASE(an_export_as_lines_with_small_numbers_loads_too) {
    import_from("fixture.json");
    const std::string dump = dump_to("imported");
    const admin_end end = admin({"export-django", at("exported.jsonl").string(), "--renumber",
                                 "--media-root", at("exported media").string()});
    BOOST_TEST_REQUIRE(end.exit_status == 0, end.err);
    BOOST_TEST(run_django_app({"load", here(), at("exported.jsonl").string(), dump, "numbers"}) ==
               "");
    // What was exported can be imported again, and is the same but for the names of files.
    std::filesystem::rename(data, at("before"));
    media = at("exported media");
    import_from("exported.jsonl");
    const std::string again = dump_to("again");
    for (const char* entity : {"users", "posts", "comments", "likes"}) {
        BOOST_TEST((read_rows(again, entity).size() == read_rows(dump, entity).size()));
    }
    BOOST_TEST((read_rows(again, "posts") == read_rows(dump, "posts")));
}

/// Two clients that find the hash outdated at the same time: both have the right password.
BOOST_AUTO_TEST_CASE(first_logins_at_the_same_time_all_succeed) {
    import_from("fixture.json");
    start();
    std::atomic<unsigned> good = 0;
    run_parallel(4, [&](unsigned) {
        good += log_in("kim", passwords["kim"].get<std::string>()) == 200U ? 1U : 0U;
    });
    BOOST_TEST(good == 4U);
    stop();
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
