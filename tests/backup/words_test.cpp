// backup, and the words below it, as an operator calls them: beside a server that is written to,
// and without one.
#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <thread>

#include "tests/admin/admin_fixture.hpp"

namespace pinhole::test {

namespace {

namespace fs = std::filesystem;

/// What a writer knows of a post of its own.
struct known_post {
    std::string media_url;
    bool deletion_sent = false;
    bool is_deleted = false;
};
using ledger = std::map<std::string, known_post>;

/// Posts photos, and deletes every third post, until it is stopped.
class photographer {
public:
    explicit photographer(std::uint16_t port) : client_(sign_up(port, "photographer")) {}

    void work_until(const std::atomic<bool>& stop) {
        std::string last;
        for (int round = 1; !stop; ++round) {
            const auto answer = client_.upload(post_form("round " + std::to_string(round), 2));
            if (answer.status != 201) {
                ++refused_;
                continue;
            }
            const json made = json::parse(answer.body);
            const std::string id = text(made, "id");
            const std::string url = text(made["files"][0], "url");
            note(id, [&](known_post& post) { post.media_url = url; });
            if (round % 3 == 0) {
                note(last, [](known_post& post) { post.deletion_sent = true; });
                if (client_.remove("/api/v1/posts/" + last).status == 204) {
                    note(last, [](known_post& post) { post.is_deleted = true; });
                }
            }
            last = id;
        }
    }

    ledger known() const {
        const std::lock_guard lock{mutex_};
        return posts_;
    }
    const std::string& token() const { return client_.token(); }
    int refused() const { return refused_; }

private:
    template <class Function>
    void note(const std::string& id, const Function& function) {
        const std::lock_guard lock{mutex_};
        function(posts_[id]);
    }

    api_client client_;
    mutable std::mutex mutex_;
    ledger posts_;
    std::atomic<int> refused_ = 0;
};

struct backing_up : admin_fixture {
    std::string dest() const { return (directory.path() / "backups").string(); }
    fs::path elsewhere() const { return directory.path() / "elsewhere"; }

    void must_restore_elsewhere() {
        must_on_elsewhere({"backup", "restore", dest()});
        const std::string found = must_on_elsewhere({"--json", "check", "--hash"});
        BOOST_TEST(json::parse(found)["problems"] == 0, found);
    }
    std::string must_on_elsewhere(std::vector<std::string> word) const {
        const admin_end end = run_admin(on(elsewhere(), std::move(word)));
        BOOST_REQUIRE_MESSAGE(end.exit_status == 0, end.err << end.out);
        return end.out;
    }
    void start_elsewhere() {
        data = elsewhere();
        start();
    }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(backup_words, backing_up)

BOOST_AUTO_TEST_CASE(beside_a_server_that_is_written_to) {
    start();
    constexpr std::size_t writers = 4;
    constexpr std::size_t posts_each = 6;
    std::vector<std::unique_ptr<photographer>> all;
    for (std::size_t number = 0; number < writers; ++number) {
        all.push_back(std::make_unique<photographer>(port));
    }
    std::vector<ledger> before;
    std::vector<ledger> after;
    std::atomic<bool> enough = false;
    {
        std::vector<std::jthread> threads;
        for (const auto& each : all) {
            threads.emplace_back([&] { each->work_until(enough); });
        }
        const auto have_posted = [&](std::size_t posts) {
            return std::ranges::all_of(
                all, [&](const auto& each) { return each->known().size() >= posts; });
        };
        const bool has_begun = eventually([&] { return have_posted(posts_each); });
        must({"backup", dest()});
        const bool goes_on = eventually([&] { return have_posted(2 * posts_each); });
        for (const auto& each : all) {
            before.push_back(each->known());
        }
        const json second = must_json({"backup", dest()});
        for (const auto& each : all) {
            after.push_back(each->known());
        }
        enough = true;
        BOOST_TEST((has_begun && goes_on));
        BOOST_TEST(second["id"] == 2);
        BOOST_TEST(second["bad_media_total"] == 0);
        BOOST_TEST(second["media"]["new_files"] < second["media"]["files"]);
        BOOST_TEST(second["media"]["new_files"] > 0);
    }
    BOOST_TEST(eventually(
        [&] { return !fs::exists(data / "checkpoints") || fs::is_empty(data / "checkpoints"); }));
    stop();
    must({"backup", "verify", "--all", "--hash", dest()});
    must_restore_elsewhere();
    start_elsewhere();
    for (std::size_t number = 0; number < writers; ++number) {
        BOOST_TEST(all[number]->refused() == 0);
        api_client client{port};
        client.set_token(all[number]->token());
        check_status(client.get("/api/v1/posts?author=me"), 200);  // the login goes on
        for (const auto& [id, known] : before[number]) {
            const unsigned row = client.get("/api/v1/posts/" + id).status;
            const unsigned bytes = client.get(known.media_url).status;
            BOOST_TEST(row == bytes);
            if (known.is_deleted) {
                BOOST_TEST(row == 404U);
            } else if (!after[number].at(id).deletion_sent) {
                BOOST_TEST(row == 200U);
            }
        }
    }
    stop();
}

BOOST_AUTO_TEST_CASE(a_deleted_photo_stays_deleted) {
    start();
    api_client kim = sign_up(port, "kim");
    const json shown = create_post(kim, "shown");
    const json gone = create_post(kim, "gone");
    check_status(kim.remove(path_of_post(gone)), 204);
    stop();
    must({"backup", dest()});  // without a server
    must_restore_elsewhere();
    const auto media_path = [](const json& post) {
        return post["files"][0]["url"].get<std::string>().substr(std::string("/media/").size());
    };
    BOOST_TEST(!fs::exists(elsewhere() / "media" / "public" / media_path(gone)));
    BOOST_TEST(fs::exists(elsewhere() / "media" / "hidden" / media_path(gone)));
    start_elsewhere();
    kim.move_to(port);
    check_status(kim.get(text(gone["files"][0], "url")), 404);
    check_status(kim.get(text(shown["files"][0], "url")), 200);
    check_status(kim.post(path_of_post(gone) + "/restore"), 200);
    check_status(kim.get(text(gone["files"][0], "url")), 200);
    // Ids go on above those that were given before.
    BOOST_TEST(std::stoll(text(create_post(kim, "new"), "id")) > std::stoll(text(gone, "id")));
    stop();
}

BOOST_AUTO_TEST_CASE(what_it_says) {
    start();
    api_client kim = sign_up(port, "kim");
    create_post(kim, "one", 3);
    const std::string first = must({"backup", dest()});
    BOOST_TEST(first.contains("backup 1 shows 20"), first);
    BOOST_TEST(first.contains("in 3 files new"), first);
    create_post(kim, "two", 1);
    const json second = must_json({"backup", "--keep", "2", dest()});
    BOOST_TEST(second["media"]["files"] == 4);
    BOOST_TEST(second["media"]["new_files"] == 1);
    BOOST_TEST(second["has_secret_key"] == true);
    BOOST_TEST(second["dropped"].empty());
    const json third = must_json({"backup", "--keep", "2", dest()});
    BOOST_TEST((third["dropped"] == json::array({1})));
    const json listed = must_json({"backup", "list", dest()});
    BOOST_REQUIRE(listed.size() == 2U);
    BOOST_TEST(listed[0]["id"] == 2);
    BOOST_TEST(listed[1]["created_at"] == third["created_at"]);
    BOOST_TEST(must({"backup", "list", dest()}).contains("\n   3  20"));
    BOOST_TEST(must({"backup", "verify", dest()}) == "whole: backup 3\n");
    BOOST_TEST(must({"backup", "verify", "--id", "2", dest()}) == "whole: backup 2\n");
    const json verified = must_json({"backup", "verify", "--all", "--hash", dest()});
    BOOST_TEST((verified["ids"] == json::array({2, 3})));
    BOOST_TEST(verified["is_whole"] == true);
    const std::string said = must_on_elsewhere({"backup", "restore", "--id", "2", dest()});
    BOOST_TEST(said.contains("restored: backup 2"), said);
    BOOST_TEST(must({"completion", "bash"}).contains("' backup restore'"));
    stop();
}

BOOST_AUTO_TEST_CASE(some_are_dropped_without_a_new_one) {
    make_empty();
    for (int i = 0; i < 4; ++i) {
        must({"backup", dest()});
    }
    BOOST_TEST(must({"backup", "prune", "--keep", "3", dest()}) == "dropped 1 of 4 backups\n");
    BOOST_TEST((must_json({"backup", "prune", "--id", "3", dest()}) ==
                json{{"dropped", {3}}, {"left", {2, 4}}, {"of_others", 0}}));
    // Those of another database stay, unless they are named.
    {
        std::ofstream{data / "secret.key"} << std::string(64, 'a');
    }
    BOOST_TEST((must_json({"backup", "prune", "--keep", "1", dest()}) ==
                json{{"dropped", json::array()}, {"left", {2, 4}}, {"of_others", 2}}));
    BOOST_TEST((must_json({"backup", "prune", "--id", "4", "--id", "2", "--id", "4",
                           dest()})["dropped"] == json::array({2, 4})));
    check_end({"backup", "prune", dest()}, 2, "--keep N");
    const admin_end elsewhere_end =
        run_admin(on(elsewhere(), {"backup", "prune", "--keep", "1", dest()}));
    BOOST_TEST(elsewhere_end.exit_status == 1);
    BOOST_TEST(elsewhere_end.err.contains("there is no database"), elsewhere_end.err);
    check_end({"backup", "prune", "--keep", "1", "--id", "1", dest()}, 2, "--keep N");
    check_end({"backup", "prune", "--id", "4", dest()}, 1, "there is no backup 4");
    const std::string absent = dest() + "-absent";
    check_end({"backup", "prune", "--keep", "1", absent}, 1, "there are no backups");
    BOOST_TEST(!fs::exists(absent));
}

BOOST_AUTO_TEST_CASE(what_it_refuses) {
    check_end({"backup", dest()}, 1, "there is no database");
    BOOST_TEST(!fs::exists(dest()));
    make_empty();
    check_end({"backup"}, 2, "DEST");
    check_end({"backup", "--keep", "0", dest()}, 2, "keep");
    check_end({"backup", "list"}, 2, "DEST");
    check_end({"backup", "list", dest(), "other"}, 2, "other");
    check_end({"backup", "verify", dest(), "--keep", "2"}, 2, "--keep");
    check_end({"backup", "other", "restore", dest()}, 2, "other");
    check_end({"backup", "verify", "--all", "--id", "1", dest()}, 2, "--");
    check_end({"backup", "list", dest()}, 1, "there are no backups");
    check_end({"backup", (data / "backups").string()}, 1, "lies in the data directory");
    check_end({"backup", directory.path().string()}, 1, "is not empty");
    must({"backup", dest()});
    check_end({"backup", "verify", "--id", "7", dest()}, 1, "there is no backup 7");
    check_end({"backup", "restore", "--id", "7", dest()}, 1, "there is no backup 7");
    fs::resize_file(fs::path{dest()} / "backups" / "1.json", 9);
    check_end({"backup", "list", dest()}, 1, "1.json is damaged");
    check_end({"backup", "verify", dest()}, 1, "1.json is damaged");
    const admin_end end = run_admin(on(elsewhere(), {"backup", "restore", dest()}));
    BOOST_TEST(end.exit_status == 1);
    BOOST_TEST(end.err.contains("nothing was changed"));
    BOOST_TEST(!fs::exists(elsewhere()));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
