// dump: the same rows and bytes beside a server and without one, and what it refuses.
#include <algorithm>
#include <atomic>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "tests/admin/admin_fixture.hpp"

namespace pinhole::test {

namespace {

using members = std::map<std::string, std::string>;

std::string read_file(const std::filesystem::path& path) {
    std::ifstream file{path, std::ios::binary};
    return {std::istreambuf_iterator{file}, {}};
}

members read_directory(const std::filesystem::path& directory) {
    members found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator{directory}) {
        if (entry.is_regular_file()) {
            found[entry.path().lexically_relative(directory).string()] = read_file(entry.path());
        }
    }
    return found;
}

/// All but the manifest, which says when the dump was made.
members content_of(const std::filesystem::path& directory) {
    members found = read_directory(directory);
    BOOST_TEST(found.erase("manifest.json") == 1U);
    return found;
}

std::vector<json> rows_of(const members& dump, const std::string& entity) {
    std::vector<json> rows;
    std::istringstream lines{dump.at(entity + ".jsonl")};
    for (std::string line; std::getline(lines, line);) {
        rows.push_back(json::parse(line));
    }
    return rows;
}

struct dumping : admin_fixture {
    dumping() {
        start();
        kim.emplace(sign_up(port, "kim"));
        lee.emplace(sign_up(port, "lee"));
        sea = create_post(*kim, "바다 \"sea\" 🌊\n\u2028", 2);
        create_post(*lee, "low tide");
        create_like(*lee, sea);
        create_comment(*lee, sea, "what a light!");
        const json gone = create_post(*kim, "gone");
        create_comment(*lee, gone);
        check_status(kim->remove(path_of_post(gone)), 204);
    }

    std::string target(const std::string& name) const { return (directory.path() / name).string(); }
    std::filesystem::path a_media_file() const {
        for (const auto& entry :
             std::filesystem::recursive_directory_iterator{data / "media" / "public"}) {
            if (entry.is_regular_file()) {
                return entry.path();
            }
        }
        BOOST_FAIL("there are no media");
        return {};
    }

    std::optional<api_client> kim;
    std::optional<api_client> lee;
    json sea;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(dumps, dumping)

BOOST_AUTO_TEST_CASE(beside_a_server_and_without_one_it_is_the_same) {
    const json told = must_json({"dump", "--media", target("served")});
    BOOST_TEST(told["rows"]["users"] == 2);
    BOOST_TEST(told["rows"]["posts"] == 3);
    BOOST_TEST(told["rows"]["files"] == 4);
    BOOST_TEST(told["rows"]["comments"] == 2);
    BOOST_TEST(told["rows"]["likes"] == 1);
    BOOST_TEST(told["media"]["files"] == 4);
    BOOST_TEST(told["is_whole"] == true);
    // What it was read from is gone again, once the server has seen that the tool has ended.
    BOOST_TEST(eventually([&] {
        return !std::filesystem::exists(data / "checkpoints") ||
               std::filesystem::is_empty(data / "checkpoints");
    }));
    stop();
    BOOST_TEST(must({"dump", "--media", target("closed")}).contains("files                  4\n"));
    BOOST_TEST((content_of(target("closed")) == content_of(target("served"))));

    const members dump = read_directory(target("served"));
    const json manifest = json::parse(dump.at("manifest.json"));
    BOOST_TEST(manifest["created_at"] == told["created_at"]);
    BOOST_TEST(manifest["entities"]["posts"]["rows"] == 3);
    const auto posts = rows_of(dump, "posts");
    BOOST_TEST(posts.front()["id"] == sea["id"]);
    BOOST_TEST(posts.front()["content"] == sea["content"]);
    BOOST_TEST(posts.front()["created_at"] == sea["created_at"]);
    BOOST_TEST(posts.back()["is_deleted"] == true);
    BOOST_TEST(
        rows_of(dump, "users").front()["password"].get<std::string>().starts_with("$argon2id$"));
}

BOOST_AUTO_TEST_CASE(a_tar_and_standard_output_hold_the_same) {
    must({"dump", "--media", target("d")});
    must({"dump", "--media", target("d.tar.zst")});
    const admin_end streamed = admin({"dump", "--media", "-"});
    BOOST_TEST(streamed.exit_status == 0);
    std::ofstream(target("streamed.tar"), std::ios::binary) << streamed.out;
    must({"dump", "--media", target("d.tar")});
    for (const std::string name : {"streamed.tar", "d.tar"}) {
        std::filesystem::create_directory(target(name + ".d"));
        const std::string command = "tar -xf " + target(name) + " -C " + target(name + ".d");
        BOOST_TEST(std::system(command.c_str()) == 0);
        BOOST_TEST((content_of(target(name + ".d")) == content_of(target("d"))));
    }
    BOOST_TEST(std::filesystem::file_size(target("d.tar.zst")) <
               std::filesystem::file_size(target("d.tar")));
}

BOOST_AUTO_TEST_CASE(a_part_of_it) {
    must({"dump", "--exclude", "likes", "--exclude", "comments", target("some")});
    const members some = read_directory(target("some"));
    BOOST_TEST(some.size() == 4U);
    BOOST_TEST(some.contains("files.jsonl"));
    must({"dump", "--only", "alive", target("alive")});
    const members alive = read_directory(target("alive"));
    BOOST_TEST(rows_of(alive, "posts").size() == 2U);
    BOOST_TEST(rows_of(alive, "comments").size() == 1U);
}

/// Each comment is written after its post, and each like after its comment.
BOOST_AUTO_TEST_CASE(while_others_write_every_reference_is_there) {
    std::atomic<bool> stop_writing = false;
    std::atomic<int> written = 0;
    std::atomic<int> failed = 0;
    std::jthread writing{[&] {
        while (!stop_writing) {
            // What is checked here is checked by the other thread.
            const auto made = lee->upload(post_form("another"));
            if (made.status != 201) {
                ++failed;
                continue;
            }
            const std::string path = path_of_post(json::parse(made.body));
            failed += kim->post(path + "/comments", {{"content", "hi"}}).status == 201 ? 0 : 1;
            failed += kim->put(path + "/like").status == 201 ? 0 : 1;
            ++written;
        }
    }};
    for (int round = 0; round < 4; ++round) {
        const int before = written;
        const std::string name = target(std::to_string(round));
        must({"dump", name});
        const members dump = read_directory(name);
        std::set<std::string> posts;
        for (const json& row : rows_of(dump, "posts")) {
            posts.insert(row["id"].get<std::string>());
        }
        for (const std::string entity : {"files", "comments", "likes"}) {
            for (const json& row : rows_of(dump, entity)) {
                BOOST_TEST(posts.contains(row["post"].get<std::string>()));
            }
        }
        BOOST_TEST(posts.size() >= 3U + static_cast<std::size_t>(before));
    }
    stop_writing = true;
    writing.join();
    BOOST_TEST(written > 0);
    BOOST_TEST(failed == 0);
}

BOOST_AUTO_TEST_CASE(missing_bytes_are_told_and_no_dump_is_made) {
    std::filesystem::remove(a_media_file());
    check_end({"dump", "--media", target("d")}, 1, "is missing");
    BOOST_TEST(!std::filesystem::exists(target("d")));
    check_end({"dump", "--media", target("d.tar")}, 1, "--skip-missing-media");
    BOOST_TEST(!std::filesystem::exists(target("d.tar")));
    const json told = must_json({"dump", "--media", "--skip-missing-media", target("d")});
    BOOST_TEST(told["bad_media"] == 1);
    BOOST_TEST(told["details"].size() == 1U);
    BOOST_TEST(told["media"]["files"] == 3);
    BOOST_TEST(std::filesystem::exists(target("d")));
}

BOOST_AUTO_TEST_CASE(what_it_refuses) {
    must({"dump", target("d")});
    check_end({"dump", target("d")}, 1, "exists already");
    check_end({"dump", target("absent/d")}, 1, "there is no directory");
    check_end({"dump", "--exclude", "users", target("e")}, 2, "users");
    check_end({"dump", "--exclude", "sessions", target("e")}, 2, "sessions");
    check_end({"dump", "--only", "deleted", target("e")}, 2, "deleted");
    check_end({"dump", "--skip-missing-media", target("e")}, 2, "--media");
    check_end({"dump"}, 2, "TARGET");
    check_end({"dump", target("e.TAR")}, 2, "would not be that");
    check_end({"dump", target("e.zst")}, 2, "would not be that");
    for (const char* tree : {"db/e", "media/public/e.tar"}) {
        check_end({"dump", (data / tree).string()}, 1, "is for the server alone");
    }
    BOOST_TEST(!std::filesystem::exists(target("e")));
    const admin_end nothing = run_admin(on(directory.path() / "absent", {"dump", target("e")}));
    BOOST_TEST(nothing.exit_status == 1);
    BOOST_TEST(nothing.err.contains("there is no database"));
    BOOST_TEST(!std::filesystem::exists(directory.path() / "absent"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
