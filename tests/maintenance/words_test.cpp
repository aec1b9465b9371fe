// The words of pinhole-admin that check, mend, reindex and purge, as an operator calls them.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <array>
#include <fstream>
#include <iterator>

#include "storage/database.hpp"
#include "storage/posts.hpp"
#include "tests/maintenance/maintained.hpp"

extern char** environ;

namespace pinhole::storage::test {

namespace {

constexpr entity_id kim = 1;
constexpr entity_id shown = 10;

struct words_fixture {
    words_fixture() {
        maintained in{data()};
        create(in.store(), make_user(kim, "kim"));
        in.add_post(shown, kim, 2);
        in.add_post(20, kim, 1);
        write(in.store(), [](const kv::reader& reader) {
            return plan_delete_post(reader, kim, 20, at_second(5), {});
        });
        in.settle();
    }
    std::filesystem::path data() const { return directory.path() / "data"; }

    /// The exit status; what it printed is in `output`.
    int call(std::vector<std::string> words) {
        words.insert(words.begin(), {PINHOLE_ADMIN, "--data-dir", data().string()});
        std::vector<char*> arguments;
        for (std::string& word : words) {
            arguments.push_back(word.data());
        }
        arguments.push_back(nullptr);
        const auto printed = directory.path() / "output";
        posix_spawn_file_actions_t actions;
        BOOST_REQUIRE(::posix_spawn_file_actions_init(&actions) == 0);
        BOOST_REQUIRE(::posix_spawn_file_actions_addopen(&actions, 1, printed.c_str(),
                                                         O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0);
        pid_t child = 0;
        BOOST_REQUIRE(::posix_spawn(&child, PINHOLE_ADMIN, &actions, nullptr, arguments.data(),
                                    environ) == 0);
        ::posix_spawn_file_actions_destroy(&actions);
        int status = 0;
        BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
        std::ifstream in{printed};
        output.assign(std::istreambuf_iterator<char>{in}, {});
        BOOST_TEST_INFO_SCOPE(output);
        BOOST_REQUIRE(WIFEXITED(status));
        return WEXITSTATUS(status);
    }
    void expect_output(std::string_view part) const { BOOST_TEST(output.contains(part), output); }

    pinhole::test::temporary_directory directory;
    std::string output;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(maintenance_words, words_fixture)

BOOST_AUTO_TEST_CASE(check_and_repair) {
    BOOST_TEST(call({"check", "--hash", "--quiet"}) == 0);
    expect_output("6 rows");
    expect_output("3 media files");
    expect_output("all agrees");
    {
        maintained in{data()};
        kv::commit commit;
        commit.operations.emplace_back(kv::erase{username_unique_key("kim")});
        must_commit(in.store(), std::move(commit));
        write_file(in.media_root() / "public" / "stray", "stray");
    }
    BOOST_TEST(call({"check", "--quiet"}) == 1);
    expect_output("user 1 lacks its unique entry username\n");
    expect_output("public/stray is in no row\n");
    expect_output("2 problems\n");
    BOOST_TEST(call({"check", "--json", "--quiet"}) == 1);
    expect_output(R"("missing_unique":1)");
    BOOST_TEST(call({"check", "--repair", "--quiet"}) == 1);
    expect_output("would: puts aside public/stray\n");
    BOOST_TEST(call({"check", "--yes"}) == 2);
    BOOST_TEST(call({"check", "--repair", "--yes", "--json", "--quiet"}) == 0);
    expect_output(R"("text":"puts aside public/stray"})");
    expect_output(R"("done":true)");
    BOOST_TEST(call({"check", "--hash", "--quiet"}) == 0);
}

BOOST_AUTO_TEST_CASE(reindex) {
    {
        maintained in{data()};
        kv::commit commit;
        for (const auto& each : everything_in(in.store(), global_part, families::index)) {
            commit.operations.emplace_back(kv::erase{{global_part, families::index, each.key}});
        }
        must_commit(in.store(), std::move(commit));
    }
    BOOST_TEST(call({"reindex", "--quiet"}) == 0);
    expect_output("made the indexes and counters of 6 rows, and set 0 rows right\n");
    BOOST_TEST(call({"check", "--quiet"}) == 0);
}

BOOST_AUTO_TEST_CASE(purge) {
    BOOST_TEST(call({"purge", "--older-than", "3650", "--quiet"}) == 0);
    expect_output("purged 0 users, 0 posts, 0 files (0 bytes), 0 comments, 0 likes\n");
    BOOST_TEST(call({"purge", "--dry-run", "--quiet"}) == 0);
    expect_output("would purge 0 users, 1 posts, 1 files (");
    BOOST_TEST(call({"purge", "--json", "--quiet"}) == 0);
    expect_output(R"("posts":1)");
    BOOST_TEST(call({"purge", "--dry-run", "--quiet"}) == 0);
    expect_output("would purge 0 users, 0 posts");
    BOOST_TEST(call({"check", "--hash", "--quiet"}) == 0);
    expect_output("2 media files");
}

BOOST_AUTO_TEST_CASE(beside_a_server) {
    database_options options;
    options.data_dir = data();
    database served{std::move(options)};
    served.serve_control([](const kv::commit&) { return std::function<void()>{}; });
    BOOST_TEST(call({"reindex", "--quiet"}) != 0);

    BOOST_TEST(call({"check", "--hash", "--quiet"}) == 0);
    expect_output("all agrees");
    kv::commit commit;
    commit.operations.emplace_back(kv::erase{username_unique_key("kim")});
    must_commit(served.store(), std::move(commit));
    write_file(data() / "media" / "public" / "stray", "stray");
    BOOST_TEST(call({"check", "--quiet"}) == 1);
    expect_output("user 1 lacks its unique entry username\n");
    BOOST_TEST(call({"check", "--repair", "--yes", "--quiet"}) == 0);
    BOOST_TEST(call({"check", "--hash", "--quiet"}) == 0);

    BOOST_TEST(call({"purge", "--quiet"}) == 0);
    expect_output("purged 0 users, 1 posts, 1 files (");
    BOOST_TEST(call({"check", "--hash", "--quiet"}) == 0);
    expect_output("2 media files");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::storage::test
