// kill -9 in the middle of writes: what was acknowledged is there, nothing is half there, and the
// server comes back without a hand.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <map>
#include <optional>
#include <random>

#include "tests/api/entity_checks.hpp"
#include "tests/api/server_process.hpp"
#include "tests/support/temporary_directory.hpp"

namespace pinhole::test {

namespace {

constexpr unsigned writers = 8;
constexpr int rounds = 3;
constexpr int writes_per_round = 400;

/// What a writer knows of a thing that it wrote.
enum class fate { alive, deleted, unknown };

/// Writes without pause and remembers what was acknowledged.
class writer {
public:
    writer(std::uint16_t port, unsigned seed) : client_(sign_up(port, "writer")), random_(seed) {}

    api_client& client() { return client_; }
    const std::string& surprise() const { return surprise_; }

    /// Until the server is gone.
    void write_until_it_dies(const std::string& shared_post, std::atomic<int>& acknowledged) {
        try {
            for (;;) {
                write_once(shared_post);
                ++acknowledged;
            }
        } catch (const http_failure&) {
            // The end of this round; what was under way is marked as unknown already.
        }
    }

    /// Compares with what is there, on the test's own thread, and takes over what was unknown.
    void verify(const std::string& shared_post) {
        for (auto& [path, state] : things_) {
            const auto answer = client_.get(path);
            BOOST_TEST_CONTEXT(client_.username() << " wrote " << path) {
                if (state == fate::unknown) {
                    state = answer.status == 200 ? fate::alive : fate::deleted;
                }
                BOOST_TEST(answer.status == (state == fate::alive ? 200U : 404U));
            }
        }
        const json post = client_.get_json("/api/v1/posts/" + shared_post);
        BOOST_TEST_CONTEXT(client_.username() << " likes " << shared_post) {
            if (likes_) {
                BOOST_TEST(post.at("liked") == *likes_);
            }
            likes_ = post.at("liked").get<bool>();
        }
        if (bio_) {
            BOOST_TEST(client_.get_json("/api/v1/users/me").at("bio") == *bio_);
        }
    }

private:
    void write_once(const std::string& shared_post) {
        const std::string post = "/api/v1/posts/" + shared_post;
        switch (random_() % 8) {
            case 0:
            case 1:
                return create(client_.upload(post_form("by " + client_.username(), 2)));
            case 2:
            case 3:
                return create(client_.post(post + "/comments", {{"content", "c"}}));
            case 4:
                return delete_something();
            case 5:
                return edit_bio();
            default:
                return toggle_like(post);
        }
    }

    void create(const http_response& answer) {
        if (expect(answer, 201)) {
            things_[answer.header("Location")] = fate::alive;
        }
    }

    void delete_something() {
        const auto alive = std::ranges::find_if(
            things_, [](const auto& thing) { return thing.second == fate::alive; });
        if (alive != things_.end()) {
            alive->second = fate::unknown;
            if (expect(client_.remove(alive->first), 204)) {
                alive->second = fate::deleted;
            }
        }
    }

    void toggle_like(const std::string& post) {
        const bool likes = !likes_.value_or(false);
        likes_.reset();
        const auto answer = likes ? client_.put(post + "/like") : client_.remove(post + "/like");
        if (answer.status < 300) {
            likes_ = likes;
        } else {
            expect(answer, likes ? 201 : 204);
        }
    }

    void edit_bio() {
        const std::string bio = "bio " + std::to_string(random_());
        bio_.reset();
        if (expect(client_.patch("/api/v1/users/me", {{"bio", bio}}), 200)) {
            bio_ = bio;
        }
    }

    bool expect(const http_response& answer, unsigned status) {
        if (answer.status != status) {
            surprise_ += std::to_string(answer.status) + ": " + answer.body + "\n";
        }
        return answer.status == status;
    }

    api_client client_;
    std::minstd_rand random_;
    std::map<std::string, fate> things_;
    std::optional<bool> likes_ = false;  ///< nothing: not known
    std::optional<std::string> bio_;
    std::string surprise_;
};

/// Every post that is there has all its files, and every public file belongs to a post.
void check_nothing_is_half(api_client& viewer, const std::filesystem::path& data) {
    std::size_t files = 0;
    for (const json& post : walk(viewer, "/api/v1/posts?page_size=100")) {
        for (const json& file : post.at("files")) {
            ++files;
            const auto served = viewer.get(text(file, "url"));
            BOOST_TEST(served.status == 200U);
            BOOST_TEST(served.body.size() == file.at("size").get<std::size_t>());
        }
    }
    BOOST_TEST(walk(viewer, "/api/v1/files?page_size=100").size() == files);
    std::size_t stored = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(data / "media/public")) {
        stored += entry.is_regular_file() ? 1 : 0;
    }
    BOOST_TEST(stored == files);
    BOOST_TEST(std::filesystem::is_empty(data / "media/incoming"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(crashes)

BOOST_AUTO_TEST_CASE(every_acknowledged_write_survives_kill_9) {
    const temporary_directory directory;
    const auto data = directory.path() / "data";
    const auto log = directory.path() / "log";
    std::optional<server_process> server;
    server.emplace(serve_arguments(data), log);
    std::uint16_t port = server->wait_until_serving();
    auto owner = sign_up(port, "owner");
    const std::string shared_post = text(create_post(owner), "id");
    std::vector<writer> crowd;
    crowd.reserve(writers);
    for (unsigned i = 0; i < writers; ++i) {
        crowd.emplace_back(port, i + 1);
    }
    for (int round = 0; round < rounds; ++round) {
        BOOST_TEST_CONTEXT("round " << round) {
            std::atomic<int> acknowledged = 0;
            run_parallel(writers + 1, [&](unsigned index) {
                if (index < writers) {
                    crowd[index].write_until_it_dies(shared_post, acknowledged);
                } else if (eventually([&] { return acknowledged > writes_per_round; },
                                      std::chrono::seconds(60))) {
                    server->send_signal(SIGKILL);
                } else {
                    server->send_signal(SIGTERM);  // too slow: fails below, and hangs nobody
                }
            });
            BOOST_TEST(server->wait().signal == SIGKILL);
            server.emplace(serve_arguments(data), log);
            port = server->wait_until_serving();
            owner.move_to(port);
            BOOST_TEST(owner.get("/readyz").status == 200U);
            for (writer& each : crowd) {
                each.client().move_to(port);
                each.verify(shared_post);
                BOOST_TEST(each.surprise() == "");
            }
            check_nothing_is_half(owner, data);
            BOOST_TEST(find_wrong_count(owner) == "");
        }
    }
    BOOST_TEST(server->stop(SIGTERM).exit_status == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace pinhole::test
