// Many clients do everything at once; the server is stopped in the middle of it, started again, and
// left in a state in which every promise can be checked.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <functional>
#include <set>
#include <sstream>

#include "tests/api/entity_checks.hpp"
#include "tests/mixed_load/busy_client.hpp"
#include "tests/program/server_process.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

constexpr unsigned clients = 16;
constexpr unsigned teams = 2;
/// For actions that are rare, on a slow machine under a sanitizer.
constexpr auto patience = std::chrono::seconds(120);

unsigned number_from_environment(const char* name, unsigned otherwise) {
    const char* text = std::getenv(name);
    if (text == nullptr) {
        return otherwise;
    }
    const std::string_view given{text};
    unsigned number = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
    BOOST_TEST_REQUIRE((error == std::errc{} && end == given.data() + given.size()),
                       name << " is no number: " << given);
    return number;
}

/// One data directory, the server that runs on it, and the accounts that clients share.
struct load_run {
    temporary_directory directory;
    std::filesystem::path data = directory.path() / "data";
    std::filesystem::path log = directory.path() / "log";
    std::chrono::milliseconds length{
        std::chrono::seconds(number_from_environment("PINHOLE_TEST_LOAD_SECONDS", 6))};
    unsigned seed = make_seed();
    shared_things shared;
    std::vector<json> team_logins;

    load_run() { BOOST_TEST_MESSAGE("PINHOLE_TEST_SEED=" << seed); }

    std::vector<std::string> arguments() const {
        auto arguments = serve_arguments(data);
        // More threads than cores interleave in more ways, and a small cache makes reads block.
        arguments.insert(arguments.end(), {"--io-threads", "4", "--block-cache", "1MiB"});
        return arguments;
    }

    void make_teams(std::uint16_t port) {
        api_client owner = sign_up(port, "owner");
        const json anchor = create_post(owner);
        shared.anchor = text(anchor, "id");
        // There is something to pick from the first action on.
        const json first = create_post(owner);
        shared.posts.add(text(first, "id"), 0);
        shared.media.add(text(first.at("files").at(0), "url"), 0);
        shared.comments.add(text(create_comment(owner, first), "id"), 0);
        for (unsigned i = 0; i < teams; ++i) {
            api_client anyone(port);
            team_logins.push_back(parse(
                anyone.post("/api/v1/auth/signup",
                            {{"username", unique_name("team")}, {"password", default_password}}),
                201));
        }
    }

    api_client member_of_team(std::uint16_t port, unsigned index) const {
        api_client member(port);
        member.adopt(team_logins[index % teams]);
        return member;
    }

    /// Has all clients work for the time, and until each action has succeeded; then calls `end`
    /// while they still do.
    void put_under_load(std::uint16_t port, std::chrono::milliseconds time,
                        const std::function<void(std::atomic<bool>& done)>& end) {
        std::deque<busy_client> crowd;
        for (unsigned i = 0; i < clients; ++i) {
            crowd.emplace_back(port, member_of_team(port, i), shared, seed + i);
        }
        std::atomic<bool> done = false;
        run_parallel(clients + 1, [&](unsigned index) {
            if (index < clients) {
                return crowd[index].work(done);
            }
            std::this_thread::sleep_for(time);
            shared.wait_for_successes(patience);
            end(done);
        });
        BOOST_TEST(shared.find_unsuccessful() == "");
        for (const busy_client& each : crowd) {
            BOOST_TEST(each.surprises() == "");
        }
    }
};

void check_stopped(const process_end& end) {
    BOOST_TEST(end.signal == 0);
    BOOST_TEST(end.exit_status == 0);
}

/// What the server, or a sanitizer in it, had to complain of: whatever is no line of its own, and
/// its errors.
std::string find_complaints(const std::filesystem::path& log) {
    std::string complaints;
    std::istringstream lines(read_file(log.string()));
    for (std::string line; std::getline(lines, line);) {
        if (!json::accept(line) || json::parse(line).at("level") == "error") {
            complaints += line + "\n";
        }
    }
    return complaints;
}

std::set<std::string> list_files(const std::filesystem::path& folder) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file()) {
            names.insert(entry.path().filename().string());
        }
    }
    return names;
}

std::string last_segment(const std::string& url) {
    return url.substr(url.rfind('/') + 1);
}

/// Every file of a post is served as a whole, and nothing else lies where files are served from.
void check_media(api_client& viewer, const std::filesystem::path& media) {
    std::set<std::string> alive;
    for (const json& post : walk(viewer, "/api/v1/posts?page_size=100")) {
        BOOST_TEST(!post.at("files").empty());
        for (const json& file : post.at("files")) {
            const std::string url = text(file, "url");
            const auto served = viewer.get(url);
            BOOST_TEST(served.status == 200U, url);
            BOOST_TEST(served.body.size() == file.at("size").get<std::size_t>(), url);
            alive.insert(last_segment(url));
        }
    }
    BOOST_TEST(!alive.empty());
    // Broken-off uploads are given up, and the files of accounts moved, in the background.
    BOOST_TEST(eventually([&] { return list_files(media / "public") == alive; }));
    BOOST_TEST(eventually([&] { return list_files(media / "incoming").empty(); }));
}

void check_deleted_posts(api_client& author, const std::filesystem::path& media) {
    const auto hidden = list_files(media / "hidden");
    for (const json& post : walk(author, "/api/v1/posts?author=me&is_deleted=true&page_size=100")) {
        check_status(author.get(path_of_post(post)), 404);
        for (const json& file : post.at("files")) {
            check_status(author.get(text(file, "url")), 404);
            BOOST_TEST(hidden.contains(last_segment(text(file, "url"))));
        }
    }
}

/// Each key of a team made one comment.
void check_keys(api_client& viewer, const shared_things& shared) {
    std::map<std::string, int> made;
    for (const json& comment :
         walk(viewer, "/api/v1/comments?page_size=100&post=" + shared.anchor)) {
        ++made[text(comment.at("author"), "username") + " " + text(comment, "content")];
    }
    BOOST_TEST(!made.empty());
    for (const auto& [name, rows] : made) {
        BOOST_TEST(rows == 1, name << " was made " << rows << " times");
        BOOST_TEST(shared.locations().contains(name), name);
    }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(mixed_load)

BOOST_FIXTURE_TEST_CASE(everything_at_once_leaves_all_promises_kept, load_run) {
    {
        server_process server(arguments(), log);
        const std::uint16_t port = server.wait_until_serving();
        make_teams(port);
        put_under_load(port, length / 2, [&](std::atomic<bool>&) {
            shared.stopping = true;
            server.send_signal(SIGTERM);
            // The clients go on until nobody answers.
        });
        check_stopped(server.wait());
    }
    shared.stopping = false;
    server_process server(arguments(), log);
    const std::uint16_t port = server.wait_until_serving();
    put_under_load(port, length / 2, [](std::atomic<bool>& done) { done = true; });

    api_client viewer = sign_up(port, "viewer");
    check_settled(viewer);
    check_media(viewer, data / "media");
    for (unsigned i = 0; i < teams; ++i) {
        api_client member = member_of_team(port, i);
        check_deleted_posts(member, data / "media");
    }
    check_keys(viewer, shared);
    check_status(viewer.get("/readyz"), 200);
    check_stopped(server.stop(SIGTERM));
    BOOST_TEST(find_complaints(log) == "");
    for (const auto& [action, times] : shared.successes()) {
        BOOST_TEST_MESSAGE(action << ": " << times);
    }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
